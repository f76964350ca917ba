using KAlloc.Analyzers.Model;

namespace KAlloc.Analyzers.Flow;

/// <summary>
/// What a source method does with a pointer it is given, on every path that returns: a summary reduced to ownership. Found by running the
/// method's own body with the parameter as an allocation of nobody's family.
/// </summary>
internal sealed record ParameterEffect(bool Borrows, FreeContract? Frees)
{
    /// <summary>It may keep the pointer: nothing is claimed about the memory any more.</summary>
    internal static readonly ParameterEffect Keeps = new(false, null);

    /// <summary>It uses the pointer during the call and lets go of it.</summary>
    internal static readonly ParameterEffect BorrowsOnly = new(true, null);
}
