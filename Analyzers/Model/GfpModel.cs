// What the engine must know of gfp flags: which bits let an allocation sleep. Read from the enum's own members, so the values live in one place.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Model;

internal sealed class GfpModel
{
    private readonly INamedTypeSymbol? _flags;

    internal GfpModel(Compilation compilation)
    {
        _flags = compilation.GetTypeByMetadataName("KAlloc.GfpFlags");
        DirectReclaim = Value("DirectReclaim");
        NoFail = Value("NoFail");
        Atomic = Value("Atomic");
    }

    /// <summary>The bit with which an allocation may reclaim directly, and so sleep; 0 when the flags type is not referenced.</summary>
    internal long DirectReclaim { get; }

    internal long NoFail { get; }

    internal long Atomic { get; }

    internal bool IsFlags(ITypeSymbol? type) => _flags is not null && SymbolEqualityComparer.Default.Equals(type, _flags);

    /// <summary>The value of the flag of that name; 0 if there is none.</summary>
    internal long Value(string name)
    {
        if (_flags is null) return 0;
        foreach (ISymbol member in _flags.GetMembers(name))
            if (member is IFieldSymbol { HasConstantValue: true, ConstantValue: uint value }) return value;
        return 0;
    }
}
