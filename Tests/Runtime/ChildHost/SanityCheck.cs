using static KAlloc.Linux;

namespace KAlloc.ChildHost;

/// <summary>At sanity level every second free and every interior pointer is caught at the call that makes it, whatever was freed in between.</summary>
internal static unsafe class SanityCheck
{
    internal static int Run()
    {
        KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20, DebugLevel = DebugLevel.Sanity });
        KernelReports.WriteToStandardError = false;
        int missed = 0, caught = 0;
        foreach (int size in (int[])[8, 24, 64, 96, 192, 700, 3000, 8192, 20_000])
        {
            var objects = new nint[40];
            for (int i = 0; i < objects.Length; i++) objects[i] = (nint)kmalloc(size, GFP_KERNEL);
            foreach (nint obj in objects) Try((void*)(obj + 8 < obj + size ? obj + 8 : obj + 4), ref caught, ref missed);
            foreach (nint obj in objects) kfree((void*)obj);
            foreach (nint obj in objects) Try((void*)obj, ref caught, ref missed);
        }

        foreach (string error in KernelMemory.Default.Validate()) Console.WriteLine(error);
        Console.WriteLine($"{caught} caught, {missed} missed");
        return missed == 0 && KernelMemory.Default.Validate().Count == 0 ? 0 : 1;
    }

    private static void Try(void* pointer, ref int caught, ref int missed)
    {
        try
        {
            kfree(pointer);
            missed++;
        }
        catch (KernelBugException)
        {
            caught++;
        }
    }
}
