namespace KAlloc;

/// <summary>The code runs on a small stack: the budget in bytes of the method and all that it calls.</summary>
/// <param name="bytes">The stack's size in bytes; the kernel of the book has 8192 (two pages).</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Assembly | AttributeTargets.Delegate)]
public sealed class KernelStackAttribute(int bytes = 8192) : Attribute
{
    /// <summary>The stack's size in bytes.</summary>
    public int Bytes { get; } = bytes;

    /// <summary>The largest frame of a single method that is not worth a warning, in bytes; the kernel's <c>FRAME_WARN</c>.</summary>
    public int FrameWarning { get; set; } = 1024;
}
