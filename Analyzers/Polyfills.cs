// What the language needs and netstandard2.0 lacks.

namespace System.Runtime.CompilerServices
{
    internal static class IsExternalInit;
}

namespace System
{
    /// <summary>Lets list patterns look at the first elements.</summary>
    internal readonly struct Index(int value, bool fromEnd = false)
    {
        internal int GetOffset(int length) => fromEnd ? length - value : value;
    }
}
