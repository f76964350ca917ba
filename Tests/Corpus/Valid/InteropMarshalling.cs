// Calls into native code: memory that native code takes over, memory that it hands out, arrays of strings, handles of delegates.

using System.Runtime.InteropServices;

namespace Corpus.InteropMarshalling;

[StructLayout(LayoutKind.Sequential)]
public struct NativeOptions
{
    public nint Name;
    public nint Values;
    public int Count;
}

public static unsafe partial class Native
{
    [DllImport("libsample")]
    private static extern int sample_open(NativeOptions* options);

    [DllImport("libsample")]
    private static extern void sample_take(void* block);

    [DllImport("libsample")]
    private static extern byte* sample_name(int id);

    [DllImport("libsample")]
    private static extern void sample_free(void* memory);

    [DllImport("libsample")]
    private static extern void sample_each(delegate* unmanaged[Cdecl]<nint, int, void> callback, nint state);

    public static int Open(string name, int[] values)
    {
        NativeOptions options = default;
        try
        {
            options.Name = Marshal.StringToCoTaskMemUTF8(name);
            options.Values = Marshal.AllocHGlobal(values.Length * sizeof(int));
            options.Count = values.Length;
            Marshal.Copy(values, 0, options.Values, values.Length);
            return sample_open(&options);
        }
        finally
        {
            Marshal.FreeHGlobal(options.Values);
            Marshal.FreeCoTaskMem(options.Name);
        }
    }

    /// <summary>The native side frees the block.</summary>
    public static void HandOver(ReadOnlySpan<byte> data)
    {
        void* block = NativeMemory.Alloc((nuint)data.Length);
        data.CopyTo(new Span<byte>(block, data.Length));
        sample_take(block);
    }

    public static string? NameOf(int id)
    {
        byte* name = sample_name(id);
        if (name == null) return null;
        try
        {
            return Marshal.PtrToStringUTF8((nint)name);
        }
        finally
        {
            sample_free(name);
        }
    }

    public static nint[] ToNative(IReadOnlyList<string> texts)
    {
        var pointers = new nint[texts.Count];
        for (int i = 0; i < pointers.Length; i++) pointers[i] = Marshal.StringToCoTaskMemUTF8(texts[i]);
        return pointers;
    }

    public static void FreeAll(nint[] pointers)
    {
        for (int i = 0; i < pointers.Length; i++)
        {
            Marshal.FreeCoTaskMem(pointers[i]);
            pointers[i] = 0;
        }
    }

    public static int CountOf()
    {
        var counts = new List<int>();
        GCHandle handle = GCHandle.Alloc(counts);
        try
        {
            sample_each(&Collect, GCHandle.ToIntPtr(handle));
        }
        finally
        {
            handle.Free();
        }

        return counts.Count;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static void Collect(nint state, int value) => ((List<int>)GCHandle.FromIntPtr(state).Target!).Add(value);
}
