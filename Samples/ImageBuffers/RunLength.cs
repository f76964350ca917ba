// Run-length coding, the kind that old scanners send: a count byte and a value, or 0, a count and so many literal values.

using System.Runtime.InteropServices;

namespace ImageBuffers;

public static unsafe class RunLength
{
    private const int LongestLiteral = 255;

    /// <summary>Encodes a row. Returns the bytes written, or -1 if the target is too small.</summary>
    public static nint EncodeRow(byte* source, nint length, byte* target, nint capacity)
    {
        byte* literals = (byte*)NativeMemory.Alloc(LongestLiteral);
        int pending = 0;
        nint written = 0;

        for (nint i = 0; i < length;)
        {
            nint run = 1;
            while (run < 255 && i + run < length && source[i + run] == source[i]) run++;

            if (run < 3 && pending + run <= LongestLiteral)
            {
                for (nint k = 0; k < run; k++) literals[pending++] = source[i + k];
                i += run;
                continue;
            }

            if (written + pending + 4 > capacity)
                return -1;                                                                          // expect: KA4001

            written += Flush(literals, ref pending, target + written);
            target[written++] = (byte)run;
            target[written++] = source[i];
            i += run;
        }

        bool fits = written + pending + 2 <= capacity;
        if (fits) written += Flush(literals, ref pending, target + written);
        NativeMemory.Free(literals);
        return fits ? written : -1;
    }

    private static nint Flush(byte* literals, ref int pending, byte* target)
    {
        if (pending == 0) return 0;
        target[0] = 0;
        target[1] = (byte)pending;
        for (int i = 0; i < pending; i++) target[2 + i] = literals[i];
        int bytes = pending + 2;
        pending = 0;
        return bytes;
    }

    /// <summary>Decodes a whole stream. The caller frees the result with <see cref="NativeMemory.Free"/>.</summary>
    public static byte* Decode(byte* source, nint length, out nint bytes)
    {
        nuint capacity = 4096;
        nuint used = 0;
        byte* output = (byte*)NativeMemory.Alloc(capacity);

        for (nint i = 0; i + 1 < length; i += 2)
        {
            byte run = source[i];
            if (run == 0)
                throw new InvalidDataException("A literal in a stream that has none.");             // expect: KA4001

            if (capacity - used < run)
            {
                byte* larger = (byte*)NativeMemory.Alloc(capacity, 2);
                for (nuint k = 0; k < used; k++) larger[k] = output[k];
                output = larger;                                                                    // expect: KA4001
                capacity += capacity;
            }

            for (int k = 0; k < run; k++) output[used++] = source[i + 1];
        }

        bytes = (nint)used;
        return output;
    }

    /// <summary>The same with the block that grows in place. Nothing is wrong here.</summary>
    public static byte* DecodeGrowing(byte* source, nint length, out nint bytes)
    {
        nuint capacity = 4096;
        nuint used = 0;
        byte* output = (byte*)NativeMemory.Alloc(capacity);
        bytes = 0;

        for (nint i = 0; i + 1 < length; i += 2)
        {
            byte run = source[i];
            if (run == 0)
            {
                NativeMemory.Free(output);
                return null;
            }

            if (capacity - used < run)
            {
                capacity += capacity;
                output = (byte*)NativeMemory.Realloc(output, capacity);
            }

            for (int k = 0; k < run; k++) output[used++] = source[i + 1];
        }

        bytes = (nint)used;
        return output;
    }
}
