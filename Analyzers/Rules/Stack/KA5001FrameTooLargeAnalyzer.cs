// KA5001: a method's own frame is larger than it may be.
//
//   kernel code      over the frame limit (1,024 bytes, the kernel's FRAME_WARN): warning; over the whole stack (8,192): error
//   elsewhere        the same under a budget that somebody set; without one, a frame over 8 KiB is worth an info
//
// Estimated by Analyzers/Stack. Kernel files have all their bodies bound; other files only the bodies that hold a stackalloc, a struct with a
// large array, or a context attribute.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using KAlloc.Analyzers.Host;
using KAlloc.Analyzers.Model;
using KAlloc.Analyzers.Stack;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Analyzers.Rules.Stack;

/// <summary>Reports frames that are too large for the stack they run on.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class KA5001FrameTooLargeAnalyzer : DiagnosticAnalyzer
{
    /// <summary>The rule's ID.</summary>
    public const string Id = "KA5001";

    /// <summary>Property of the diagnostic: <c>kernel</c> or <c>elsewhere</c>, which decides where a fix moves the largest local to.</summary>
    internal const string ScopeKey = "scope";

    /// <summary>Property of the diagnostic: set if the code must not sleep, so a fix allocates atomically.</summary>
    internal const string AtomicKey = "atomic";

    /// <summary>Property of the diagnostic: the largest part is a <c>stackalloc</c> that a local holds.</summary>
    internal const string MovableKey = "movable";

    internal const string KernelScopeValue = "kernel";

    private const string FrameLimitOption = "kalloc.frame_limit";
    private const string StackBudgetOption = "kalloc.stack_budget";

    /// <summary>The kernel's FRAME_WARN on 32-bit machines, and the book's.</summary>
    private const int DefaultFrameLimit = 1024;

    /// <summary>Bodies shorter than this many characters hold nothing large unless they say stackalloc.</summary>
    private const int SmallestInterestingBody = 40;

    /// <summary>Parts named in a diagnostic's path.</summary>
    private const int NamedParts = 4;

    private static readonly DiagnosticDescriptor s_rule = RuleDescriptor.Create(
        Id,
        "Frame is too large for its stack",
        "'{0}' takes {1} bytes of stack, {2}; {3}",
        RuleCategory.Stack,
        DiagnosticSeverity.Warning,
        "A kernel stack has 8 KiB for the whole call tree, and an overflow overwrites thread_info. Large buffers belong into memory of their own. The size is an estimate for optimised code.");

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [s_rule];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterCompilationStartAction(start =>
        {
            var kernel = new KernelCode(start.Compilation, start.Options.AnalyzerConfigOptionsProvider, start.CancellationToken);
            Compilation compilation = start.Compilation;
            var largeStructs = new Lazy<HashSet<string>>(() => StackFileScan.LargeStructs(compilation, CancellationToken.None), LazyThreadSafetyMode.PublicationOnly);
            start.RegisterSemanticModelAction(model => AnalyzeFile(model, kernel, largeStructs));
        });
    }

    private static void AnalyzeFile(SemanticModelAnalysisContext context, KernelCode kernel, Lazy<HashSet<string>> largeStructs)
    {
        SemanticModel model = context.SemanticModel;
        SyntaxTree tree = model.SyntaxTree;
        CancellationToken cancellation = context.CancellationToken;
        AnalyzerConfigOptions options = context.Options.AnalyzerConfigOptionsProvider.GetOptions(tree);
        var settings = new Settings(ReadBytes(options, FrameLimitOption), ReadBytes(options, StackBudgetOption), kernel.IsKernelFile(tree, cancellation));
        bool everyBody = settings.IsKernelFile || kernel.HasAssemblyBudget || settings.FrameLimit is not null || settings.StackBudget is not null;

        StackFileScan scan = StackFileScan.Of(tree, cancellation);
        bool mentions = scan.MentionsAny(largeStructs.Value);
        if (!everyBody && !mentions && !scan.HasContextAttribute) return;

        var layouts = new TypeLayouts();
        foreach (BodySyntax body in BodyWalk.Enumerate(tree.GetRoot(cancellation)))
        {
            cancellation.ThrowIfCancellationRequested();
            bool matters = everyBody && body.Node.Span.Length >= SmallestInterestingBody
                || scan.HasContextAttribute && StackFileScan.HasContextAttributeAround(body.Declaration)
                || mentions && body.Parts.Any(part => scan.Mentions(part, largeStructs.Value));
            if (!matters || model.GetOperation(body.Node, cancellation) is not { } operation) continue;
            ISymbol? function = Bodies.RootOf(body, model, cancellation);
            foreach (FrameFeatures features in FrameWalker.Walk(operation, function, body.Declaration, model, layouts))
            {
                // A field's initialiser runs in its constructor's frame; only the lambdas in it are judged.
                if (!features.IsIncomplete && features.Function is IMethodSymbol method) Judge(context, kernel, settings, method, features, layouts);
            }
        }
    }

    private static void Judge(SemanticModelAnalysisContext context, KernelCode kernel, Settings settings, IMethodSymbol method, FrameFeatures features, TypeLayouts layouts)
    {
        FrameEstimate frame = FrameEstimate.Of(features, context.SemanticModel, layouts);
        KernelScope scope = kernel.ScopeOf(method);
        bool isKernel = settings.IsKernelFile || scope.IsKernel;
        int? limit = scope.FrameWarning ?? settings.FrameLimit ?? (isKernel ? DefaultFrameLimit : null);
        int? budget = scope.StackBytes ?? settings.StackBudget ?? (isKernel ? KernelCode.DefaultStackBytes : null);

        DiagnosticSeverity severity;
        string excess;
        if (budget is { } whole && frame.Bytes > whole)
        {
            severity = DiagnosticSeverity.Error;
            excess = $"more than the whole stack of {whole} bytes";
        }
        else if (limit is { } one && frame.Bytes > one)
        {
            severity = DiagnosticSeverity.Warning;
            excess = $"more than the {one} that one frame may take";
        }
        else if (budget is null && limit is null && frame.Bytes > KernelCode.DefaultStackBytes)
        {
            severity = DiagnosticSeverity.Info;
            excess = "much for one frame";
        }
        else
        {
            return;
        }

        FramePart[] parts = [.. frame.Parts.Take(NamedParts)];
        var properties = ImmutableDictionary<string, string?>.Empty;
        if (isKernel) properties = properties.SetItem(ScopeKey, KernelScopeValue);
        if (scope.IsAtomic) properties = properties.SetItem(AtomicKey, "true");
        if (parts.Length > 0 && parts[0] is { IsStackAlloc: true, Local: not null }) properties = properties.SetItem(MovableKey, "true");
        properties = DiagnosticPath.Describe(properties, [.. parts.Select(part => $"{part.Name} takes {part.Bytes} bytes")]);
        context.ReportDiagnostic(Diagnostic.Create(
            s_rule,
            DeclarationPlace.Of(features.Place),
            severity,
            parts.Select(part => NamePlace(part.Place)),
            properties,
            NameOf(method),
            (frame.IsAtLeast ? "at least " : "about ") + frame.Bytes,
            excess,
            Remedy(parts, isKernel)));
    }

    private static string Remedy(FramePart[] parts, bool isKernel)
    {
        if (parts.Length == 0) return "split the method";
        FramePart largest = parts[0];
        string memory = isKernel ? "kmalloc" : "ArrayPool or native memory";
        return largest.Local is not null || largest.IsStackAlloc
            ? $"take {largest.Name} ({largest.Bytes} bytes) from {memory}"
            : $"avoid {largest.Name} ({largest.Bytes} bytes): pass large structs by reference or split the method";
    }

    private static string NameOf(IMethodSymbol method) => method.MethodKind switch
    {
        MethodKind.Constructor or MethodKind.StaticConstructor => method.ContainingType.Name,
        MethodKind.AnonymousFunction => "lambda expression",
        MethodKind.PropertyGet or MethodKind.PropertySet or MethodKind.EventAdd or MethodKind.EventRemove => method.AssociatedSymbol?.Name ?? method.Name,
        MethodKind.Destructor => "~" + method.ContainingType.Name,
        _ when method.Name == WellKnownMemberNames.TopLevelStatementsEntryPointMethodName => "top-level statements",
        _ => method.Name,
    };

    private static Location NamePlace(SyntaxNode part) => part switch
    {
        VariableDeclaratorSyntax node => node.Identifier.GetLocation(),
        ParameterSyntax node => node.Identifier.GetLocation(),
        SingleVariableDesignationSyntax node => node.Identifier.GetLocation(),
        ForEachStatementSyntax node => node.Identifier.GetLocation(),
        _ => part.GetLocation(),
    };

    private static int? ReadBytes(AnalyzerConfigOptions options, string key) =>
        options.TryGetValue(key, out string? text) && int.TryParse(text.Trim(), out int bytes) && bytes > 0 ? bytes : null;

    private readonly record struct Settings(int? FrameLimit, int? StackBudget, bool IsKernelFile);
}
