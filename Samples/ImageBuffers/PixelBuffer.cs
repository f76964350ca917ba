// An image library as one writes it in .NET when arrays are too slow: pixels in native memory, scratch rows, pooled arrays, strings for a native
// renderer. It uses nothing of KAlloc: `dotnet run --project Tool -- check Samples/ImageBuffers` finds what is wrong with any project.
//
// Most of it is right. Each line that a rule reports ends in a comment that names the rule; no other line may be reported.

using System.Buffers;
using System.Runtime.InteropServices;

namespace ImageBuffers;

/// <summary>Grey pixels, one byte each, in native memory; rows start on 64-byte boundaries.</summary>
public sealed unsafe class PixelBuffer : IDisposable
{
    private const int Alignment = 64;

    private byte* _pixels;

    /// <summary>Makes an image of undefined content.</summary>
    public PixelBuffer(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, 1 << 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, 1 << 16);
        Width = width;
        Height = height;
        Stride = (width + Alignment - 1) & -Alignment;
        _pixels = (byte*)NativeMemory.AlignedAlloc((nuint)Stride * (nuint)height, Alignment);
    }

    public int Width { get; }
    public int Height { get; }
    public int Stride { get; }

    /// <summary>One row.</summary>
    public Span<byte> Row(int y)
    {
        ObjectDisposedException.ThrowIf(_pixels == null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)y, (uint)Height);
        return new Span<byte>(_pixels + (nint)y * Stride, Width);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_pixels);
        _pixels = null;
    }

    /// <summary>Reads rows that follow each other without padding.</summary>
    public static PixelBuffer Load(Stream stream, int width, int height)
    {
        var image = new PixelBuffer(width, height);
        try
        {
            for (int y = 0; y < height; y++) stream.ReadExactly(image.Row(y));
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Writes the image as a portable greymap.</summary>
    public void Save(Stream stream)
    {
        byte[] line = ArrayPool<byte>.Shared.Rent(Width);
        try
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes($"P5\n{Width} {Height}\n255\n"));
            for (int y = 0; y < Height; y++)
            {
                Row(y).CopyTo(line);
                stream.Write(line, 0, Width);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(line);
        }
    }
}
