// Frees that hang on the same condition as the allocation, small sizes that stay on the stack, nulls that are freed safely.

using System.Buffers;
using System.Runtime.InteropServices;

namespace Corpus.ConditionalFrees;

public static unsafe class Conditions
{
    private const int StackLimit = 256;

    public static int Hash(ReadOnlySpan<char> text)
    {
        byte[]? rented = null;
        Span<byte> bytes = text.Length * 3 <= StackLimit ? stackalloc byte[StackLimit] : (rented = ArrayPool<byte>.Shared.Rent(text.Length * 3));
        int count = System.Text.Encoding.UTF8.GetBytes(text, bytes);
        int hash = 17;
        foreach (byte b in bytes[..count]) hash = hash * 31 + b;
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return hash;
    }

    public static int Process(int length, bool copy, byte* source)
    {
        byte* data = copy ? (byte*)NativeMemory.Alloc((nuint)length) : source;
        if (copy) Buffer.MemoryCopy(source, data, length, length);
        int sum = 0;
        for (int i = 0; i < length; i++) sum += data[i];
        if (copy) NativeMemory.Free(data);
        return sum;
    }

    public static int NullIsFine(int length)
    {
        void* a = null;
        void* b = null;
        int result = 0;
        if (length > 0) a = NativeMemory.Alloc((nuint)length);
        if (length > 100) b = NativeMemory.AlignedAlloc((nuint)length, 64);
        if (a != null && b != null) result = *(byte*)a + *(byte*)b;
        NativeMemory.AlignedFree(b);
        NativeMemory.Free(a);
        return result;
    }

    public static nint OwnsFlag(string? text, nint given, out bool owns)
    {
        owns = text is not null;
        return text is not null ? Marshal.StringToHGlobalUni(text) : given;
    }

    public static void UseFlag(string? text, nint given)
    {
        nint memory = OwnsFlag(text, given, out bool owns);
        try
        {
            Console.WriteLine(Marshal.ReadInt16(memory));
        }
        finally
        {
            if (owns) Marshal.FreeHGlobal(memory);
        }
    }

    public static int GotoCleanup(int n)
    {
        int result = -1;
        void* first = NativeMemory.Alloc((nuint)n);
        void* second = null;
        if (n < 4) goto freeFirst;
        second = NativeMemory.Alloc((nuint)n * 2);
        if (n < 8) goto freeSecond;
        result = n;
    freeSecond:
        NativeMemory.Free(second);
    freeFirst:
        NativeMemory.Free(first);
        return result;
    }
}
