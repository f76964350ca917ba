// Library calls that fill or move bytes, told by what their parameters are called: every such function of C, of the kernel and of .NET names its
// ends alike. Only asked of methods that keep nothing of what they are given. The calls of .NET that are assignments are told by their names.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal static class MemoryMoves
{
    /// <summary>An assignment, or a move of bytes, written as a call of .NET.</summary>
    internal static bool IsMove(IMethodSymbol method)
    {
        bool isMove = method.ContainingType?.Name switch
        {
            "Unsafe" => method.Name is "Read" or "ReadUnaligned" or "Write" or "WriteUnaligned" or "Copy" || IsOfBytes(method),
            "Buffer" => method.Name == "MemoryCopy",
            "Marshal" => method.Name is "ReadIntPtr" or "WriteIntPtr" or "StructureToPtr" or "PtrToStructure" && !IsOfObject(method),
            _ => false,
        };
        return isMove && CallEffects.IsBcl(method);
    }

    internal static bool IsOfBytes(IMethodSymbol method) => method.Name is "MemoryCopy" or "CopyBlock" or "CopyBlockUnaligned";

    /// <summary><c>Marshal.ReadIntPtr(object, int)</c>: nobody knows where that reads.</summary>
    private static bool IsOfObject(IMethodSymbol method) => method.Name is "ReadIntPtr" or "WriteIntPtr" && method.Parameters[0].Type.SpecialType == SpecialType.System_Object;

    /// <summary>Where the call moves bytes to.</summary>
    internal static int DestinationOf(IMethodSymbol method)
    {
        foreach (IParameterSymbol parameter in method.Parameters)
            if (IsDestination(parameter.Name)) return parameter.Ordinal;
        return 0;
    }

    /// <summary>The call reads pointers where it is sent to, and hands them on.</summary>
    internal static bool Copies(IMethodSymbol method) =>
        method.Name.IndexOf("Copy", StringComparison.Ordinal) >= 0 || method.Name.IndexOf("Read", StringComparison.Ordinal) >= 0 || method.Name is "PtrToStructure" or "ToArray";

    /// <summary>The call writes through the pointer: <c>memset(p, …)</c>, <c>NativeMemory.Clear(ptr, …)</c>, the first of <c>memcpy(to, from, …)</c>.</summary>
    internal static bool IsWritten(IMethodSymbol method, int ordinal) =>
        IsDestination(method.Parameters[ordinal].Name) || (ordinal == 0 && MayZero(method));

    /// <summary>The call makes bytes zero, as far as its name says: <c>Clear(ptr, byteCount)</c>, or <c>memset(p, c, n)</c> with a zero.</summary>
    internal static bool MayZero(IMethodSymbol method) => method.Name is "memset" or "memzero_explicit" or "Clear" or "Fill" or "InitBlock" or "InitBlockUnaligned" or "ZeroMemory";

    /// <summary>What such a call writes everywhere; -1 if that is zero in any case.</summary>
    internal static int FillingOf(IMethodSymbol method)
    {
        foreach (IParameterSymbol parameter in method.Parameters)
            if (parameter.Name is "c" or "value") return parameter.Ordinal;
        return -1;
    }

    /// <summary>How many bytes such a call writes; -1 if it does not say.</summary>
    internal static int LengthOf(IMethodSymbol method)
    {
        foreach (IParameterSymbol parameter in method.Parameters)
            if (parameter.Name is "n" or "count" or "byteCount") return parameter.Ordinal;
        return -1;
    }

    /// <summary>The parameter whose bytes the call copies to the parameter that is asked for; -1 if it does not.</summary>
    internal static int SourceOf(IMethodSymbol method, int destination)
    {
        if (!IsDestination(method.Parameters[destination].Name)) return -1;
        foreach (IParameterSymbol parameter in method.Parameters)
            if (IsSource(method, parameter.Ordinal)) return parameter.Ordinal;
        return -1;
    }

    /// <summary>The call only reads there.</summary>
    internal static bool IsSource(IMethodSymbol method, int ordinal) => method.Parameters[ordinal] is { Name: "from" or "source" or "src" } parameter && IsAddress(parameter);

    private static bool IsDestination(string name) => name is "to" or "destination" or "dest" or "dst";

    private static bool IsAddress(IParameterSymbol parameter) => parameter.RefKind != RefKind.None || parameter.Type is IPointerTypeSymbol;
}
