// Text on images, drawn by a native renderer that takes C strings; and the strings that it hands back.

using System.Runtime.InteropServices;

namespace ImageBuffers;

/// <summary>Draws text through a renderer that a plug-in provides.</summary>
public sealed unsafe class Captions(delegate* unmanaged<nint, byte*, int, int> render)
{
    private readonly delegate* unmanaged<nint, byte*, int, int> _render = render;

    /// <summary>Draws one line of plain text.</summary>
    public int Draw(string caption, byte* pixels, int stride)
    {
        nint text = Marshal.StringToHGlobalAnsi(caption);
        try
        {
            return _render(text, pixels, stride);
        }
        finally
        {
            Marshal.ZeroFreeCoTaskMemAnsi(text);                                                    // expect: KA4007
        }
    }

    /// <summary>Draws the title, which old renderers want as a counted string.</summary>
    public int DrawTitle(string title, byte* pixels, int stride)
    {
        nint text = Marshal.StringToBSTR(title);
        try
        {
            return _render(text, pixels, stride);
        }
        finally
        {
            Marshal.FreeHGlobal(text);                                                              // expect: KA4007
        }
    }

    /// <summary>Draws a line in a frame. Nothing is wrong here: the string is freed whatever the callback does.</summary>
    public int DrawFramed(string caption, byte* pixels, int stride, Action<int> drawFrame)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(caption);
        try
        {
            int width = _render(text, pixels, stride);
            drawFrame(width);
            return width;
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Width of a text in a fixed-width font, without drawing it.</summary>
    public static int Measure(string caption, int glyph, int limit)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(caption);
        byte* letter = (byte*)text;
        int width = 0;
        while (*letter != 0)
        {
            if ((*letter++ & 0xC0) != 0x80) width += glyph;
            if (width > limit)
                return limit;                                                                       // expect: KA4001
        }

        Marshal.FreeCoTaskMem(text);
        return width;
    }

    /// <summary>A block for the renderer's settings, which it keeps and frees itself. Nothing is wrong here: the caller owns what is returned.</summary>
    public static nint NewSettings(int size, byte quality)
    {
        nint block = Marshal.AllocHGlobal(16);
        ((int*)block)[0] = size;
        ((int*)block)[1] = quality;
        ((long*)block)[1] = 0;
        return block;
    }
}
