// Copying, filling and comparing bytes, for the memcpy family. A size above half the address space is a negative number in disguise and is refused
// before it does harm. Cost: what the runtime's vectorised routines cost, and one compare. Kernel concept: lib/string.c.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal static unsafe class MemoryBytes
{
    internal static void Copy(void* to, void* from, nuint bytes)
    {
        if (CheckSize(bytes)) NativeMemory.Copy(from, to, bytes);
    }

    internal static void Fill(void* target, byte value, nuint bytes)
    {
        if (CheckSize(bytes)) NativeMemory.Fill(target, bytes, value);
    }

    internal static int Compare(byte* a, byte* b, nuint bytes)
    {
        if (!CheckSize(bytes)) return 0;
        while (bytes > int.MaxValue)
        {
            int part = new ReadOnlySpan<byte>(a, int.MaxValue).SequenceCompareTo(new ReadOnlySpan<byte>(b, int.MaxValue));
            if (part != 0) return part;
            a += int.MaxValue;
            b += int.MaxValue;
            bytes -= int.MaxValue;
        }

        return new ReadOnlySpan<byte>(a, (int)bytes).SequenceCompareTo(new ReadOnlySpan<byte>(b, (int)bytes));
    }

    internal static nuint Length(byte* text, nuint max)
    {
        nuint length = 0;
        while (length < max && text[length] != 0) length++;
        return length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool CheckSize(nuint bytes) => bytes <= (nuint)nint.MaxValue || ReportSize(bytes);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReportSize(nuint bytes)
    {
        KernelReports.Bug($"BUG: a memory range of 0x{bytes:x} bytes: the size is negative");
        return false;
    }
}
