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
    /// <param name="mentions">Whether a file names one of some names; null if nobody knows.</param>
    internal ContractModel(Compilation compilation, IReadOnlyList<ContractTable> files, Func<SyntaxTree, HashSet<string>, bool>? mentions = null)
    {
        _files = files;
        Gfp = new GfpModel(compilation);
        var names = new AssemblyNames();
        StatingSpaces = AddStated(compilation, names, mentions) ? names.Spaces : null;
        StatedNames = names.Effects;
        DescribedNames = [.. BclContracts.Table.EffectNames];
        foreach (ContractTable file in files)
        {
            DescribedNames.UnionWith(file.EffectNames);
            names.Leaving.UnionWith(file.LeavingNames);
            names.Atomic.UnionWith(file.EnteringNames);
        }

        RegisteringNames = names.Registering;
        LeavingNames = names.Leaving;
        AtomicNames = names.Atomic;
        AtomicNames.UnionWith(BclContext.AtomicNames);
    }

    internal GfpModel Gfp { get; }

    /// <summary>Simple names of every method of which the BCL's table or the project's files say an effect.</summary>
    internal HashSet<string> DescribedNames { get; }

    /// <summary>The same of the methods of referenced assemblies that say it themselves.</summary>
    internal HashSet<string> StatedNames { get; }

    /// <summary>Outermost namespaces, and types without one, of those assemblies: code that names none of them gets hold of nothing there. Null if it may in another way.</summary>
    internal HashSet<string>? StatingSpaces { get; }

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
        IMethodSymbol definition = DefinitionOf(method);
        if (!_contracts.TryGetValue(definition, out MethodContract? contract)) contract = _contracts.GetOrAdd(definition, Read(definition, _files));
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
    private static bool StatesContracts(IAssemblySymbol assembly) => HoldsContracts(assembly) || References(assembly, static reference => reference.Name == "KAlloc");

    private static bool HoldsContracts(IAssemblySymbol assembly) => assembly.GetTypeByMetadataName("KAlloc.AllocatesAttribute") is not null;

    /// <summary>
    /// Adds the names of each referenced assembly that states contracts, and says whether code must name one of their namespaces to get at anything there. A project of
    /// the same solution references all that it may use: what counts is what its files name.
    /// </summary>
    private static bool AddStated(Compilation compilation, AssemblyNames names, Func<SyntaxTree, HashSet<string>, bool>? mentions)
    {
        var stating = new HashSet<string>();
        bool isComplete = true;
        List<IAssemblySymbol> pending = [.. compilation.SourceModule.ReferencedAssemblySymbols];
        for (int known = -1; known < stating.Count;)
        {
            known = stating.Count;
            pending.RemoveAll(assembly => IsStating(assembly) && Add(assembly));
        }

        // Others may hand out what they got there.
        return isComplete && (stating.Count == 0 || !pending.Exists(assembly => SourceOf(assembly) is null && References(assembly, reference => stating.Contains(reference.Name))));

        bool IsStating(IAssemblySymbol assembly) => SourceOf(assembly) is not { } source ? StatesContracts(assembly)
            : HoldsContracts(assembly) || (References(assembly, reference => stating.Contains(reference.Name)) && source.SyntaxTrees.Any(tree => mentions!(tree, names.Spaces)));

        bool Add(IAssemblySymbol assembly)
        {
            isComplete &= !assembly.GivesAccessTo(compilation.Assembly);
            names.Add(NamesByAssembly.GetValue(assembly, CollectNames));
            return stating.Add(assembly.Identity.Name);
        }

        Compilation? SourceOf(IAssemblySymbol assembly) => mentions is not null && assembly is ISourceAssemblySymbol source ? source.Compilation : null;
    }

    private static bool References(IAssemblySymbol assembly, Func<AssemblyIdentity, bool> isMeant)
    {
        foreach (IModuleSymbol module in assembly.Modules)
            foreach (AssemblyIdentity reference in module.ReferencedAssemblies)
                if (isMeant(reference)) return true;
        return false;
    }

    private static AssemblyNames CollectNames(IAssemblySymbol assembly)
    {
        var names = new AssemblyNames();
        CollectNames(assembly.GlobalNamespace, names);
        names.Spaces.UnionWith(assembly.GlobalNamespace.GetMembers().Where(IsSeen).Select(member => member.Name));
        return names;

        static bool IsSeen(INamespaceOrTypeSymbol member) => member is INamespaceSymbol space ? space.GetMembers().Any(IsSeen) : member.DeclaredAccessibility == Accessibility.Public;
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

        internal HashSet<string> Spaces { get; } = [];

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
            Spaces.UnionWith(other.Spaces);
            Registering.UnionWith(other.Registering);
            Leaving.UnionWith(other.Leaving);
            Atomic.UnionWith(other.Atomic);
        }
    }
}
