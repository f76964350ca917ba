// Filters over raw rows. The scratch memory of each is native, because the rows are.

using System.Runtime.InteropServices;

namespace ImageBuffers;

public static unsafe class Filters
{
    /// <summary>Halves the image: each target pixel is the mean of four.</summary>
    public static void Halve(byte* source, int width, int height, int stride, byte* target, int targetStride)
    {
        int half = width / 2;
        if (half == 0) return;

        ushort* sums = (ushort*)NativeMemory.Alloc((nuint)half, sizeof(ushort));
        for (int y = 0; y + 1 < height; y += 2)
        {
            byte* upper = source + (nint)y * stride;
            byte* lower = upper + stride;
            for (int x = 0; x < half; x++)
                sums[x] = (ushort)(upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]);

            byte* line = target + (nint)(y / 2) * targetStride;
            for (int x = 0; x < half; x++) line[x] = (byte)(sums[x] / 4);
        }

        Marshal.FreeHGlobal((nint)sums);                                                            // expect: KA4007
    }

    /// <summary>Sharpens in place; the row above is needed as it was.</summary>
    public static void Sharpen(byte* pixels, int width, int height, int stride)
    {
        if (width < 3) return;

        byte* above = (byte*)NativeMemory.AlignedAlloc((nuint)width, 64);
        for (int x = 0; x < width; x++) above[x] = pixels[x];
        for (int y = 1; y < height; y++)
        {
            byte* line = pixels + (nint)y * stride;
            for (int x = 1; x + 1 < width; x++)
            {
                int sharp = 2 * line[x] - (above[x - 1] + above[x] + above[x + 1]) / 3;
                above[x] = line[x];
                line[x] = (byte)(sharp < 0 ? 0 : sharp > 255 ? 255 : sharp);
            }
        }

        NativeMemory.Free(above);                                                                   // expect: KA4007
    }

    /// <summary>The grey value below which the given share of all pixels lies.</summary>
    public static int Percentile(byte* pixels, nint count, double share)
    {
        nint memory = Marshal.AllocHGlobal(256 * sizeof(long));
        long* histogram = (long*)memory;
        for (int i = 0; i < 256; i++) histogram[i] = 0;
        for (nint i = 0; i < count; i++) histogram[pixels[i]]++;

        double wanted = count * share;
        long seen = 0;
        int value = 0;
        while (value < 255 && (seen += histogram[value]) < wanted) value++;

        Marshal.FreeCoTaskMem(memory);                                                              // expect: KA4007
        return value;
    }

    /// <summary>Turns the image upside down. Nothing is wrong here.</summary>
    public static void Flip(PixelBuffer image)
    {
        byte* line = (byte*)NativeMemory.Alloc((nuint)image.Width);
        try
        {
            var scratch = new Span<byte>(line, image.Width);
            for (int top = 0, bottom = image.Height - 1; top < bottom; top++, bottom--)
            {
                image.Row(top).CopyTo(scratch);
                image.Row(bottom).CopyTo(image.Row(top));
                scratch.CopyTo(image.Row(bottom));
            }
        }
        finally
        {
            NativeMemory.Free(line);
        }
    }
}
