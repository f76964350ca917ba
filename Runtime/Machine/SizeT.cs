// size_t: one nuint that every integer converts to, because sizeof(T) is an int in C# and kmalloc(sizeof(foo), GFP_KERNEL) must compile.
// A negative value becomes a huge one, as in C, and the call that gets it fails. The JIT folds constants through it (one promoted field).

namespace KAlloc;

#pragma warning disable CS1591, CA2225, IDE1006 // conversions from every integer type say nothing new one by one

/// <summary>A size or count in the kernel face: the kernel's <c>size_t</c>. A negative number becomes a huge size, as in C.</summary>
public readonly struct SizeT : IEquatable<SizeT>
{
    private readonly nuint _value;

    private SizeT(nuint value) => _value = value;

    /// <summary>The size as a native unsigned integer.</summary>
    public nuint Value => _value;

    public static implicit operator SizeT(nuint value) => new(value);
    public static implicit operator SizeT(nint value) => new((nuint)value);
    public static implicit operator SizeT(sbyte value) => new((nuint)(nint)value);
    public static implicit operator SizeT(byte value) => new(value);
    public static implicit operator SizeT(short value) => new((nuint)(nint)value);
    public static implicit operator SizeT(ushort value) => new(value);
    public static implicit operator SizeT(int value) => new((nuint)(nint)value);
    public static implicit operator SizeT(uint value) => new(value);
    public static implicit operator SizeT(long value) => new((nuint)value);
    public static implicit operator SizeT(ulong value) => new((nuint)value);
    public static implicit operator nuint(SizeT value) => value._value;

    /// <inheritdoc/>
    public bool Equals(SizeT other) => _value == other._value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SizeT other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => _value.ToString();
}
