// The kernel face: copies of memory and strings in kmalloc memory, and size arithmetic that saturates.
// Kernel concept: mm/util.c, lib/kasprintf.c, include/linux/overflow.h.

using System.Text;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary>A copy of memory (<c>kmemdup</c>).</summary>
    /// <param name="src">The memory.</param>
    /// <param name="len">Bytes.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The copy, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(len), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kmemdup([Borrows] void* src, size_t len, gfp_t flags)
    {
        void* copy = kmalloc(len, flags);
        if (copy != null) Buffer.MemoryCopy(src, copy, len, len);
        return copy;
    }

    /// <summary>A copy of bytes as a string: with a 0 behind them (<c>kmemdup_nul</c>).</summary>
    /// <param name="s">The bytes; null gives null.</param>
    /// <param name="len">Their number.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The copy, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Flags = nameof(flags), MayReturnNull = true)]
    public static byte* kmemdup_nul([Borrows] byte* s, size_t len, gfp_t flags)
    {
        if (s == null) return null;
        var copy = (byte*)kmalloc(size_add(len, 1), flags);
        if (copy == null) return null;
        Buffer.MemoryCopy(s, copy, len, len);
        copy[len] = 0;
        return copy;
    }

    /// <summary>A copy of a string (<c>kstrdup</c>).</summary>
    /// <param name="s">The string, ended by 0; null gives null.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The copy, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Flags = nameof(flags), MayReturnNull = true)]
    public static byte* kstrdup([Borrows] byte* s, gfp_t flags) => kstrndup(s, nuint.MaxValue, flags);

    /// <summary>A copy of the first bytes of a string (<c>kstrndup</c>).</summary>
    /// <param name="s">The string, ended by 0; null gives null.</param>
    /// <param name="max">Most bytes to copy, the 0 not counted.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The copy, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Flags = nameof(flags), MayReturnNull = true)]
    public static byte* kstrndup([Borrows] byte* s, size_t max, gfp_t flags)
    {
        if (s == null) return null;
        nuint length = 0;
        while (length < max && s[length] != 0) length++;
        return kmemdup_nul(s, length, flags);
    }

    /// <summary>Text in kmalloc memory, as UTF-8 ended by 0 (<c>kasprintf</c>). C# formats it: <c>kasprintf(GFP_KERNEL, $"disk{n}")</c>.</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <param name="text">The text.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static byte* kasprintf(gfp_t flags, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int length = Encoding.UTF8.GetByteCount(text);
        var copy = (byte*)kmalloc(length + 1, flags);
        if (copy == null) return null;
        Encoding.UTF8.GetBytes(text, new Span<byte>(copy, length));
        copy[length] = 0;
        return copy;
    }

    /// <summary>Product of two sizes; the largest number if it overflows, which no allocation satisfies (<c>size_mul</c>).</summary>
    /// <param name="a">A size.</param>
    /// <param name="b">A size.</param>
    /// <returns>The product.</returns>
    public static nuint size_mul(size_t a, size_t b) => KmallocCaches.Multiply(a, b);

    /// <summary>Sum of two sizes; the largest number if it overflows (<c>size_add</c>).</summary>
    /// <param name="a">A size.</param>
    /// <param name="b">A size.</param>
    /// <returns>The sum.</returns>
    public static nuint size_add(size_t a, size_t b)
    {
        nuint sum = a.Value + b.Value;
        return sum < a.Value ? nuint.MaxValue : sum;
    }

    /// <summary>Bytes of an array (<c>array_size</c>); the largest number if that overflows.</summary>
    /// <param name="n">Elements.</param>
    /// <param name="size">Bytes of one.</param>
    /// <returns>The bytes.</returns>
    public static nuint array_size(size_t n, size_t size) => KmallocCaches.Multiply(n, size);

    /// <summary>Bytes of a structure with an array behind it (<c>struct_size</c>); the largest number if that overflows.</summary>
    /// <param name="header">Bytes of the structure.</param>
    /// <param name="element">Bytes of an element.</param>
    /// <param name="n">Elements.</param>
    /// <returns>The bytes.</returns>
    public static nuint struct_size(size_t header, size_t element, size_t n) => size_add(header, size_mul(element, n));
}
