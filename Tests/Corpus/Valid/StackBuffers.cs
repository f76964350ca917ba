// Stack memory within reason: bounded by a guard, small, or in ordinary code where a few kilobytes are nobody's business.

using System.Runtime.CompilerServices;

namespace Corpus.StackBuffers;

[InlineArray(32)]
public struct Slots
{
    private long _first;
}

public static unsafe class Buffers
{
    public static int Format(Span<char> destination, long value)
    {
        Span<char> digits = stackalloc char[20];
        int at = digits.Length;
        do
        {
            digits[--at] = (char)('0' + value % 10);
            value /= 10;
        }
        while (value != 0);
        digits[at..].CopyTo(destination);
        return digits.Length - at;
    }

    public static int Sort(ReadOnlySpan<int> values)
    {
        Span<int> copy = values.Length <= 1024 ? stackalloc int[values.Length] : new int[values.Length];
        values.CopyTo(copy);
        copy.Sort();
        return copy[copy.Length / 2];
    }

    public static long Sum()
    {
        Slots slots = default;
        for (int i = 0; i < 32; i++) slots[i] = i;
        long sum = 0;
        foreach (long slot in slots) sum += slot;
        return sum;
    }

    public static int Page(Stream stream)
    {
        Span<byte> page = stackalloc byte[4096];
        return stream.Read(page);
    }
}
