// All contracts that one compilation can see, looked up by method. The single source of truth of the analyzers: no rule knows a method by name.

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Model;

internal sealed class ContractModel
{
    // Metadata assemblies do not change while a user types, so what is read from one is kept as long as the symbol lives.
    private static readonly ConditionalWeakTable<IAssemblySymbol, AssemblyNames> NamesByAssembly = new();
    private static readonly MethodContract None = new();

    private readonly ConcurrentDictionary<IMethodSymbol, MethodContract> _contracts = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<IMethodSymbol, MethodContract> _blocking = new(SymbolEqualityComparer.Default);

    private readonly IReadOnlyList<ContractTable> _files;

    /// <param name="compilation">What is analysed.</param>
    /// <param name="files">The contract files of the project.</param>
    internal ContractModel(Compilation compilation, IReadOnlyList<ContractTable> files)
    {
        _files = files;
        Gfp = new GfpModel(compilation);
        var names = new AssemblyNames();
        names.Effects.UnionWith(BclContracts.Table.EffectNames);
        foreach (IAssemblySymbol assembly in compilation.SourceModule.ReferencedAssemblySymbols)
            if (StatesContracts(assembly)) names.Add(NamesByAssembly.GetValue(assembly, CollectNames));
        foreach (ContractTable file in files)
        {
            names.Effects.UnionWith(file.EffectNames);
            names.Leaving.UnionWith(file.LeavingNames);
            names.Atomic.UnionWith(file.EnteringNames);
        }

        ReferencedNames = names.Effects;
        RegisteringNames = names.Registering;
        LeavingNames = names.Leaving;
        AtomicNames = names.Atomic;
        AtomicNames.UnionWith(BclContext.AtomicNames);
    }

    internal GfpModel Gfp { get; }

    /// <summary>Simple names of every method with an effect that comes from the BCL or a referenced assembly.</summary>
    internal HashSet<string> ReferencedNames { get; }

    /// <summary>Simple names of the methods that give a context to a delegate they are passed.</summary>
    internal HashSet<string> RegisteringNames { get; }

    /// <summary>Simple names of the methods that release a lock or close a section.</summary>
    internal HashSet<string> LeavingNames { get; }

    /// <summary>Names of which a file has at least one if any of its code can be where it must not block.</summary>
    internal HashSet<string> AtomicNames { get; }

    /// <summary>The contract of a .NET call that blocks the thread; null if it does not.</summary>
    internal MethodContract? FindBlocking(IMethodSymbol method)
    {
        if (!BclContext.Blocking.EffectNames.Contains(method.AssociatedSymbol?.Name ?? method.Name)) return null;
        MethodContract contract = _blocking.GetOrAdd(DefinitionOf(method), definition => BclContext.Blocking.Find(definition) ?? None);
        return ReferenceEquals(contract, None) ? null : contract;
    }

    internal MethodContract? Find(IMethodSymbol method)
    {
        MethodContract contract = _contracts.GetOrAdd(DefinitionOf(method), definition => Read(definition, _files));
        return ReferenceEquals(contract, None) ? null : contract;
    }

    /// <summary>The contract of one method, read anew: for code fixes, which ask about a handful.</summary>
    internal static MethodContract? ContractOf(IMethodSymbol method, IReadOnlyList<ContractTable> files)
    {
        MethodContract contract = Read(DefinitionOf(method), files);
        return ReferenceEquals(contract, None) ? null : contract;
    }

    private static IMethodSymbol DefinitionOf(IMethodSymbol method) => (method.ReducedFrom ?? method).OriginalDefinition;

    /// <summary>What the member says itself, else what the project's files say, else what is known of .NET.</summary>
    private static MethodContract Read(IMethodSymbol method, IReadOnlyList<ContractTable> files)
    {
        if (AttributeContracts.Read(method) is { } own) return own;
        foreach (ContractTable file in files)
            if (file.Find(method) is { } described) return described;
        return BclContracts.Table.Find(method) ?? BclContext.Sections.Find(method) ?? None;
    }

    /// <summary>Whether the assembly holds the contract attributes or references one that does.</summary>
    private static bool StatesContracts(IAssemblySymbol assembly)
    {
        if (assembly.GetTypeByMetadataName("KAlloc.AllocatesAttribute") is not null) return true;
        foreach (IModuleSymbol module in assembly.Modules)
            foreach (AssemblyIdentity reference in module.ReferencedAssemblies)
                if (reference.Name == "KAlloc") return true;
        return false;
    }

    private static AssemblyNames CollectNames(IAssemblySymbol assembly)
    {
        var names = new AssemblyNames();
        CollectNames(assembly.GlobalNamespace, names);
        return names;
    }

    private static void CollectNames(INamespaceOrTypeSymbol container, AssemblyNames names)
    {
        foreach (ISymbol member in container.GetMembers())
        {
            if (member is INamespaceOrTypeSymbol inner) CollectNames(inner, names);
            else if (member is IMethodSymbol method && AttributeContracts.Read(method) is { } contract)
                names.Add(method.MethodKind == MethodKind.Constructor ? method.ContainingType.Name : method.AssociatedSymbol?.Name ?? method.Name, contract);
        }
    }

    /// <summary>The names worth looking for, by what the members behind them do.</summary>
    private sealed class AssemblyNames
    {
        internal HashSet<string> Effects { get; } = [];

        internal HashSet<string> Registering { get; } = [];

        internal HashSet<string> Leaving { get; } = [];

        internal HashSet<string> Atomic { get; } = [];

        internal void Add(string name, MethodContract contract)
        {
            if (contract.HasEffect) Effects.Add(name);
            if (contract.ParameterContexts.Count > 0) Registering.Add(name);
            if (contract.Leave is not null) Leaving.Add(name);
            if (contract.Enter is { IsScope: false } || contract.ParameterContexts.Count > 0) Atomic.Add(name);
        }

        internal void Add(AssemblyNames other)
        {
            Effects.UnionWith(other.Effects);
            Registering.UnionWith(other.Registering);
            Leaving.UnionWith(other.Leaving);
            Atomic.UnionWith(other.Atomic);
        }
    }
}
