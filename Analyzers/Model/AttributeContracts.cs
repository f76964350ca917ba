// Reads contract attributes. They are recognised by full name in any assembly, so that a library may embed its own copy; therefore nothing
// here touches the attribute's type beyond its name, and arguments are read by name and tolerate what they do not know.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Model;

internal static class AttributeContracts
{
    private const string Namespace = "KAlloc";

    /// <summary>The contract that attributes state on the method, its parameters, its result and the delegate types of its parameters.</summary>
    internal static MethodContract? Read(IMethodSymbol method)
    {
        var contract = new MethodContract();
        ReadMethod(method, contract);
        foreach (AttributeData attribute in method.GetReturnTypeAttributes())
            ReadTarget(method, attribute, OperandReference.Result, contract);
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            foreach (AttributeData attribute in parameter.GetAttributes())
                ReadTarget(method, attribute, OperandReference.Parameter(parameter.Ordinal), contract);
            ReadDelegateContext(parameter, contract);
        }

        return contract.IsEmpty ? null : contract;
    }

    /// <summary>The context that attributes on the method, lambda, delegate type, or containing type give to its body.</summary>
    internal static EntryContext ReadContext(ISymbol symbol)
    {
        EntryContext context = ContextOf(symbol);
        for (INamedTypeSymbol? type = symbol.ContainingType; context == EntryContext.Unknown && type is not null; type = type.ContainingType)
            context = ContextOf(type);
        return context;
    }

    private static EntryContext ContextOf(ISymbol symbol)
    {
        foreach (AttributeData attribute in symbol.GetAttributes())
        {
            EntryContext context = ContextOf(attribute);
            if (context != EntryContext.Unknown) return context;
        }

        return EntryContext.Unknown;
    }

    private static EntryContext ContextOf(AttributeData attribute) => NameOf(attribute) switch
    {
        "AtomicContextAttribute" => EntryContext.Atomic,
        "InterruptHandlerAttribute" => EntryContext.InterruptHandler,
        "SoftIrqAttribute" => EntryContext.SoftIrq,
        "TaskletAttribute" => EntryContext.Tasklet,
        "TimerCallbackAttribute" => EntryContext.TimerCallback,
        "ProcessContextAttribute" => EntryContext.Process,
        _ => EntryContext.Unknown,
    };

    private static void ReadDelegateContext(IParameterSymbol parameter, MethodContract contract)
    {
        EntryContext context = ContextOf(parameter);
        if (context == EntryContext.Unknown && parameter.Type.TypeKind == TypeKind.Delegate) context = ContextOf(parameter.Type);
        if (context != EntryContext.Unknown) contract.ParameterContexts[parameter.Ordinal] = context;
    }

    private static void ReadMethod(IMethodSymbol method, MethodContract contract)
    {
        foreach (AttributeData attribute in method.GetAttributes()) ReadMethodAttribute(method, attribute, contract);
        if (method.AssociatedSymbol is IPropertySymbol property)
            foreach (AttributeData attribute in property.GetAttributes()) ReadMethodAttribute(method, attribute, contract);
    }

    private static void ReadMethodAttribute(IMethodSymbol method, AttributeData attribute, MethodContract contract)
    {
        switch (NameOf(attribute))
        {
            case null:
                break;
            case "AllocatesAttribute" when method.MethodKind == MethodKind.Constructor:
                ReadTarget(method, attribute, OperandReference.Result, contract);
                break;
            case "FreesAttribute":
                ReadTarget(method, attribute, OperandReference.Receiver, contract);
                break;
            case "BorrowsAttribute":
                contract.BorrowsReceiver = true;
                break;
            case "ConsumesAttribute":
                contract.ConsumesReceiver = true;
                break;
            case "MightSleepAttribute":
                contract.Sleep = new SleepContract(OperandReference.None, Flag(attribute, "OnlyInProcessContext"));
                break;
            case "MightSleepIfAttribute":
                OperandReference decider = Operand(method, ConstructorText(attribute));
                if (decider.IsPresent) contract.Sleep = new SleepContract(decider, false);
                break;
            case "EntersAtomicAttribute":
                contract.Enter = new EnterContract(Kind(attribute))
                {
                    Lock = Operand(method, Text(attribute, "Lock")),
                    Saves = Operand(method, Text(attribute, "Saves")),
                    Shared = Flag(attribute, "Shared"),
                    Nests = Flag(attribute, "Nests"),
                    LeftBy = Text(attribute, "LeftBy"),
                    When = When(attribute),
                };
                break;
            case "LeavesAtomicAttribute":
                contract.Leave = new LeaveContract(Kind(attribute))
                {
                    Lock = Operand(method, Text(attribute, "Lock")),
                    Restores = Operand(method, Text(attribute, "Restores")),
                    Shared = Flag(attribute, "Shared"),
                    When = When(attribute),
                };
                break;
            case "EntersScopeAttribute":
                contract.Enter = new EnterContract(Scope(attribute)) { Saves = OperandReference.Result, Nests = true, LeftBy = Text(attribute, "LeftBy") };
                break;
            case "LeavesScopeAttribute" when method.Parameters.Length > 0:
                contract.Leave = new LeaveContract(Scope(attribute)) { Restores = OperandReference.Parameter(0) };
                break;
            default:
                EntryContext context = ContextOf(attribute);
                if (context != EntryContext.Unknown) contract.Context = context;
                break;
        }
    }

    private static void ReadTarget(IMethodSymbol method, AttributeData attribute, OperandReference target, MethodContract contract)
    {
        switch (NameOf(attribute))
        {
            case "AllocatesAttribute" when ConstructorText(attribute) is { } family:
                contract.Allocations.Add(ReadAllocation(method, attribute, target, family));
                break;
            case "ReallocatesAttribute" when ConstructorText(attribute) is { } family:
                contract.Allocations.Add(ReadAllocation(method, attribute, target, family) with { Old = Operand(method, Text(attribute, "Pointer")) });
                break;
            case "FreesAttribute" when ConstructorTexts(attribute) is { Length: > 0 } families:
                contract.Frees.Add(new FreeContract(target, families)
                {
                    Order = Operand(method, Text(attribute, "Order")),
                    Size = Operand(method, Text(attribute, "Size")),
                    Cache = Operand(method, Text(attribute, "Cache")),
                    When = When(attribute),
                });
                break;
            case "ViewOfAttribute":
                OperandReference of = Operand(method, ConstructorText(attribute));
                if (of.IsPresent) contract.View = new ViewContract(of, Text(attribute, "Family"));
                break;
            case "OwnedAttribute" when Text(attribute, "Family") is { } family:
                contract.Allocations.Add(new AllocationContract(target, family) { FreedBy = Text(attribute, "FreedBy"), MayReturnNull = true });
                break;
            case "ConsumesAttribute" when target.Kind == OperandKind.Parameter:
                contract.Consumed[target.Ordinal] = When(attribute);
                break;
            case "BorrowsAttribute" when target.Kind == OperandKind.Parameter:
                contract.Borrowed.Add(target.Ordinal);
                break;
        }
    }

    private static AllocationContract ReadAllocation(IMethodSymbol method, AttributeData attribute, OperandReference target, string family) => new(target, family)
    {
        FreedBy = Text(attribute, "FreedBy"),
        Size = Operand(method, Text(attribute, "Size")),
        Count = Operand(method, Text(attribute, "Count")),
        Order = Operand(method, Text(attribute, "Order")),
        Flags = Operand(method, Text(attribute, "Flags")),
        Cache = Operand(method, Text(attribute, "Cache")),
        MayReturnNull = Flag(attribute, "MayReturnNull"),
        NeverNullIf = Number(attribute, "NeverNullIf"),
        Zeroed = Flag(attribute, "Zeroed"),
        Collected = Flag(attribute, "Collected"),
        When = When(attribute),
    };

    /// <summary>A parameter's name, a number or <c>sizeof(T)</c>; nothing if the text names none of them.</summary>
    internal static OperandReference Operand(IMethodSymbol method, string? text)
    {
        if (string.IsNullOrEmpty(text)) return OperandReference.None;
        if (text == "this") return OperandReference.Receiver;
        foreach (IParameterSymbol parameter in method.Parameters)
            if (parameter.Name == text) return OperandReference.Parameter(parameter.Ordinal);
        if (long.TryParse(text, out long number)) return new OperandReference(OperandKind.Number, number);
        if (text!.StartsWith("sizeof(", StringComparison.Ordinal) && text.EndsWith(")", StringComparison.Ordinal))
        {
            string name = text.Substring(7, text.Length - 8);
            foreach (ITypeParameterSymbol type in method.TypeParameters)
                if (type.Name == name) return new OperandReference(OperandKind.SizeOfTypeArgument, type.Ordinal);
            foreach (ITypeParameterSymbol type in method.ContainingType.TypeParameters)
                if (type.Name == name) return new OperandReference(OperandKind.SizeOfReceiverArgument, type.Ordinal);
        }

        return OperandReference.None;
    }

    private static string? NameOf(AttributeData attribute) =>
        attribute.AttributeClass is { ContainingNamespace: { Name: Namespace, ContainingNamespace.IsGlobalNamespace: true } } type ? type.Name : null;

    private static string? ConstructorText(AttributeData attribute) =>
        attribute.ConstructorArguments is [{ Kind: TypedConstantKind.Primitive, Value: string text }, ..] ? text : null;

    private static string[] ConstructorTexts(AttributeData attribute)
    {
        if (attribute.ConstructorArguments is not [{ Kind: TypedConstantKind.Array, IsNull: false } array, ..]) return [];
        var texts = new List<string>(array.Values.Length);
        foreach (TypedConstant value in array.Values)
            if (value.Value is string text) texts.Add(text);
        return [.. texts];
    }

    private static TypedConstant Named(AttributeData attribute, string name)
    {
        foreach (KeyValuePair<string, TypedConstant> argument in attribute.NamedArguments)
            if (argument.Key == name) return argument.Value;
        return default;
    }

    private static string? Text(AttributeData attribute, string name) => Named(attribute, name) is { Kind: TypedConstantKind.Primitive, Value: string text } ? text : null;

    private static bool Flag(AttributeData attribute, string name) => Named(attribute, name) is { Kind: TypedConstantKind.Primitive, Value: true };

    private static long Number(AttributeData attribute, string name) => Named(attribute, name) switch
    {
        { Kind: TypedConstantKind.Primitive, Value: uint value } => value,
        { Kind: TypedConstantKind.Primitive, Value: int value } => value,
        { Kind: TypedConstantKind.Enum, Value: uint value } => value,
        _ => 0,
    };

    private static ReturnCondition When(AttributeData attribute) =>
        Named(attribute, "When") is { Kind: TypedConstantKind.Enum, Value: int value } ? (ReturnCondition)value : ReturnCondition.Always;

    private static SectionKind Scope(AttributeData attribute) =>
        attribute.ConstructorArguments is [{ Kind: TypedConstantKind.Enum, Value: int and >= 0 and <= 2 and var value }, ..] ? (SectionKind)((int)SectionKind.NoFs << value) : SectionKind.None;

    private static SectionKind Kind(AttributeData attribute) =>
        attribute.ConstructorArguments is [{ Kind: TypedConstantKind.Enum, Value: int value }, ..] ? (SectionKind)value : SectionKind.None;
}
