// The size is only known after the first try: grow and try again. Each turn frees or keeps what the turn before allocated.

using System.Buffers;
using System.Runtime.InteropServices;

namespace Corpus.RetryLoops;

public static unsafe class Retries
{
    public delegate int Query(byte* buffer, int size);

    public static string? Read(Query query)
    {
        int size = 64;
        while (true)
        {
            byte* buffer = (byte*)NativeMemory.Alloc((nuint)size);
            int needed = query(buffer, size);
            if (needed <= size)
            {
                string? text = needed < 0 ? null : Marshal.PtrToStringUTF8((nint)buffer, needed);
                NativeMemory.Free(buffer);
                return text;
            }

            NativeMemory.Free(buffer);
            size = needed;
        }
    }

    public static byte* Grow(Query query, out int length)
    {
        byte* buffer = null;
        int size = 64;
        do
        {
            buffer = (byte*)NativeMemory.Realloc(buffer, (nuint)size);
            length = query(buffer, size);
            if (length <= size) break;
            size = length;
        }
        while (true);
        return buffer;
    }

    public static int Fill(Query query, Span<byte> destination)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(128);
        try
        {
            while (true)
            {
                int needed;
                fixed (byte* p = rented) needed = query(p, rented.Length);
                if (needed <= rented.Length)
                {
                    rented.AsSpan(0, needed).CopyTo(destination);
                    return needed;
                }

                byte[] larger = ArrayPool<byte>.Shared.Rent(needed);
                ArrayPool<byte>.Shared.Return(rented);
                rented = larger;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public static nint FirstThatFits(int[] sizes)
    {
        nint memory = 0;
        for (int i = 0; i < sizes.Length && memory == 0; i++)
        {
            nint candidate = Marshal.AllocHGlobal(sizes[i]);
            if (sizes[i] % 64 == 0) memory = candidate;
            else Marshal.FreeHGlobal(candidate);
        }

        return memory;
    }
}
