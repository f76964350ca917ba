// CLR code on 8 KiB: a window over the thread's real stack, judged by the checks that every call into KAlloc makes.

using System.Runtime.CompilerServices;
using KAlloc;
using static KernelStacks.Program;

namespace KernelStacks;

internal static unsafe class Windows
{
    public static void Show()
    {
        Console.WriteLine("5. CLR code on a budget of 8192 bytes: KernelStack.Run");
        KernelStackUse use = Warm(() => Walk(5));
        Step($"a walk 5 deep: {use.Verdict}; peak at a check below 4096 bytes: {use.Peak < 4096}", use.Verdict == StackVerdict.Within && use.Peak is > 5 * 256 and < 4096);

        use = Warm(() => Walk(60));
        Step($"a walk 60 deep: {use.Verdict}, seen by a check in {Method(use)}: certain", use.Verdict == StackVerdict.Overflow);
        Step("the process goes on, as the stack below the window is real", true);

        use = Warm(() => Silent());
        Step($"9000 bytes in one frame, without a check: {use.Verdict}. The paint shows it, but it might have been the runtime", use.Verdict == StackVerdict.Clobbered);
        Step($"  overwritten: {use.Overwritten.Split(',')[0]} first; no check was below: peak {use.Peak}", use.Peak == 0);
        Console.WriteLine();
    }

    /// <summary>The first run of anything compiles it on this very stack: only a warm run says something about the code.</summary>
    private static KernelStackUse Warm(Action body)
    {
        KernelStack.Run(body);
        KernelStack.Run(body);
        return KernelStack.Run(body);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int Walk(int levels)
    {
        byte* frame = stackalloc byte[256];
        frame[0] = (byte)levels;
        KernelStack.Probe();
        return levels == 0 ? frame[0] : Walk(levels - 1) + frame[0];
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Silent()
    {
        byte* frame = stackalloc byte[9000];
        new Span<byte>(frame, 9000).Fill(1);
    }

    private static string Method(KernelStackUse use) => use.OverflowPlace?.Split('+')[0].Split('.')[^1] ?? "none";
}
