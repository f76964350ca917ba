// What counts as kernel code: the code for which the kernel's own limits and policies hold.
//
//   a file      that has `using static KAlloc.Linux;`, or is in a project with a global one or with KAllocLinuxNames
//   a member    under [KernelStack] or a context attribute, on itself, on what encloses it, or (KernelStack) on the assembly
//
// Attributes are known by full name, in whatever assembly they are. Cost: a file's usings are looked at once per tree, a member's attributes
// when asked.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Analyzers.Model;

/// <summary>What the attributes around a member say.</summary>
/// <param name="IsKernel">A context attribute or a stack budget holds here.</param>
/// <param name="IsAtomic">The nearest context attribute forbids sleeping.</param>
/// <param name="StackBytes">The budget of the nearest <c>[KernelStack]</c>; null: none.</param>
/// <param name="FrameWarning">The frame limit that the same attribute sets; null: none.</param>
internal readonly record struct KernelScope(bool IsKernel, bool IsAtomic, int? StackBytes, int? FrameWarning);

/// <summary>Says of one compilation what in it is kernel code.</summary>
internal sealed class KernelCode
{
    /// <summary>The kernel's stack, two pages: what <c>[KernelStack]</c> without a number and kernel code without the attribute have.</summary>
    internal const int DefaultStackBytes = 8192;

    /// <summary>The simple names of the attributes that make a member kernel code: for scans before anything is bound.</summary>
    internal static readonly string[] AttributeNames =
        ["KernelStack", "AtomicContext", "InterruptHandler", "SoftIrq", "Tasklet", "TimerCallback", "ProcessContext", "FsPath", "IoPath"];

    private const string Namespace = "KAlloc";
    private const string LinuxClass = "KAlloc.Linux";
    private const string LinuxNamesProperty = "build_property.KAllocLinuxNames";

    private static readonly ConditionalWeakTable<SyntaxTree, Imports> s_imports = new();

    private readonly Lazy<bool> _everyFile;
    private readonly Lazy<KernelScope> _assembly;

    internal KernelCode(Compilation compilation, AnalyzerConfigOptionsProvider options, CancellationToken cancellationToken)
    {
        _everyFile = new Lazy<bool>(
            () => options.GlobalOptions.TryGetValue(LinuxNamesProperty, out string? value) && value.Equals("enable", StringComparison.OrdinalIgnoreCase)
                || compilation.SyntaxTrees.Any(tree => ImportsOf(tree, cancellationToken).Globally),
            LazyThreadSafetyMode.PublicationOnly);
        _assembly = new Lazy<KernelScope>(() => Read(default, compilation.Assembly, contextCounts: false), LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>The whole file is kernel code.</summary>
    internal bool IsKernelFile(SyntaxTree tree, CancellationToken cancellationToken) => _everyFile.Value || ImportsOf(tree, cancellationToken).InFile;

    /// <summary>The assembly as a whole has a stack budget.</summary>
    internal bool HasAssemblyBudget => _assembly.Value.StackBytes is not null;

    /// <summary>Kernel code by its file or by attributes.</summary>
    internal bool IsKernelCode(SyntaxTree tree, ISymbol? member, CancellationToken cancellationToken) =>
        IsKernelFile(tree, cancellationToken) || (member is not null && ScopeOf(member).IsKernel);

    /// <summary>What the attributes on the member (method, local function, lambda) and around it say; the nearest wins.</summary>
    internal KernelScope ScopeOf(ISymbol member)
    {
        KernelScope scope = default;
        for (ISymbol? symbol = member; symbol is not null and not INamespaceSymbol; symbol = symbol.ContainingSymbol)
        {
            scope = Read(scope, symbol, contextCounts: true);

            // Attributes on a property hold for its accessors.
            if (symbol is IMethodSymbol { AssociatedSymbol: { } owner }) scope = Read(scope, owner, contextCounts: true);
        }

        KernelScope assembly = _assembly.Value;
        return assembly.StackBytes is null
            ? scope
            : scope with { IsKernel = true, StackBytes = scope.StackBytes ?? assembly.StackBytes, FrameWarning = scope.FrameWarning ?? assembly.FrameWarning };
    }

    private KernelScope Read(KernelScope inner, ISymbol symbol, bool contextCounts)
    {
        bool contextKnown = inner.IsKernel && inner.StackBytes is null || inner.IsAtomic;
        foreach (AttributeData attribute in symbol.GetAttributes())
        {
            if (attribute.AttributeClass is not { } type) continue;
            if (Is(type, "KernelStackAttribute"))
            {
                if (inner.StackBytes is not null) continue;
                int bytes = attribute.ConstructorArguments.Select(argument => argument.Value as int?).FirstOrDefault() ?? DefaultStackBytes;
                int? frame = null;
                foreach (KeyValuePair<string, TypedConstant> named in attribute.NamedArguments)
                {
                    if (named.Key == "FrameWarning") frame = named.Value.Value as int?;
                }

                inner = inner with { IsKernel = true, StackBytes = bytes, FrameWarning = frame };
            }
            else if (contextCounts && IsAtomicContext(type))
            {
                inner = inner with { IsKernel = true, IsAtomic = inner.IsAtomic || !contextKnown };
            }
            else if (contextCounts && (Is(type, "ProcessContextAttribute") || Is(type, "FsPathAttribute") || Is(type, "IoPathAttribute")))
            {
                inner = inner with { IsKernel = true };
                if (Is(type, "ProcessContextAttribute")) contextKnown = true;
            }
        }

        return inner;
    }

    private static bool IsAtomicContext(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? candidate = type; candidate is not null; candidate = candidate.BaseType)
        {
            if (Is(candidate, "AtomicContextAttribute")) return true;

            // A library that embeds its own copies need not embed the base class.
            if (Is(candidate, "InterruptHandlerAttribute") || Is(candidate, "SoftIrqAttribute") || Is(candidate, "TaskletAttribute") || Is(candidate, "TimerCallbackAttribute")) return true;
        }

        return false;
    }

    private static bool Is(INamedTypeSymbol type, string name) =>
        type.Name == name && type.ContainingType is null && type.ContainingNamespace is { Name: Namespace, ContainingNamespace.IsGlobalNamespace: true };

    private static Imports ImportsOf(SyntaxTree tree, CancellationToken cancellationToken)
    {
        if (s_imports.TryGetValue(tree, out Imports? known)) return known;
        bool inFile = false, globally = false;
        if (tree.GetRoot(cancellationToken) is CompilationUnitSyntax unit)
        {
            IEnumerable<UsingDirectiveSyntax> all = unit.Usings.Concat(unit.Members.OfType<BaseNamespaceDeclarationSyntax>().SelectMany(space => space.Usings));
            foreach (UsingDirectiveSyntax directive in all)
            {
                if (directive.StaticKeyword.IsKind(SyntaxKind.None) || !IsLinux(directive)) continue;
                inFile = true;
                globally |= !directive.GlobalKeyword.IsKind(SyntaxKind.None);
            }
        }

        return s_imports.GetValue(tree, _ => new Imports(inFile, globally));

        static bool IsLinux(UsingDirectiveSyntax directive)
        {
            string name = directive.NamespaceOrType.ToString();
            return name is LinuxClass or "global::" + LinuxClass;
        }
    }

    private sealed class Imports(bool inFile, bool globally)
    {
        public bool InFile { get; } = inFile;

        public bool Globally { get; } = globally;
    }
}
