// What callers can tell of a summary, in words that do not depend on how its body is written: the ways it can turn out, each with its effects over the
// parameters. Two bodies of one shape are the same to a caller.
//
//   void Drop(void* p) => kfree(p);     void Put(void* item) { kfree(item); _count++; }      both: "free #0"
//
// What a body does to fields of its own object counts only where pointers are concerned.

using System.Text;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed class SummaryShape(SymbolTable symbols)
{
    private readonly Dictionary<int, int> _allocations = [];

    internal static string Of(Summary summary)
    {
        var ways = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Outcome outcome in summary.Outcomes) ways.Add(new SummaryShape(summary.Symbols).Of(outcome));
        if (summary.IsPartial) ways.Add("?");
        return string.Join("\n", ways);
    }

    private string Of(Outcome outcome)
    {
        var text = new StringBuilder();
        foreach (Primitive primitive in outcome.Log)
            if (Of(primitive) is { } step) text.Append(step).Append(';');
        return text.Append("=>").Append(Of(outcome.Result)).ToString();
    }

    private string? Of(Primitive primitive) => primitive.Kind switch
    {
        PrimitiveKind.Assume when IsOfArguments(primitive.A) => $"if {Of(primitive.A)} {primitive.Flag}",
        PrimitiveKind.Allocate when primitive.Contract is AllocationContract made => $"allocate {made.Family} {Number(primitive.A)} {Of(primitive.Order)} {Of(primitive.Cache)} {primitive.Flag}",
        PrimitiveKind.Free when primitive.Contract is FreeContract free => $"free {Of(primitive.A)} {string.Join(",", free.Families)} {Of(primitive.Order)} {Of(primitive.Cache)}",
        PrimitiveKind.Sleep => $"sleep {Of(primitive.A)}",
        PrimitiveKind.Enter when primitive.Contract is EnterContract enter => $"enter {enter.Kind} {enter.Shared} {Of(primitive.A)} {Of(primitive.B)}",
        PrimitiveKind.Leave when primitive.Contract is LeaveContract leave => $"leave {leave.Kind} {leave.Shared} {Of(primitive.A)} {Of(primitive.B)}",
        PrimitiveKind.Escape => $"let out {Of(primitive.A)}",
        PrimitiveKind.Call => $"call {Of(primitive.A)} {(primitive.Contract as DeferredCall)?.Method.Name}({string.Join(",", primitive.Arguments.Select(argument => Of(argument)))})",
        PrimitiveKind.Store when !IsOwnNumber(primitive) => $"{Of(primitive.A)} = {Of(primitive.B)}",
        PrimitiveKind.Copy => $"{Of(primitive.A)} = {Of(primitive.B)}",
        PrimitiveKind.Zero when primitive.Type is { IsValueType: true } => $"zero {Of(primitive.A)}",
        PrimitiveKind.Forget or PrimitiveKind.Havoc when symbols[symbols.Root(primitive.A)].Kind != SymbolKind.This => $"forget {Of(primitive.A)} {primitive.Flag}",
        PrimitiveKind.Touch when symbols[symbols.Origin(primitive.A)].Kind != SymbolKind.This => $"use {Of(primitive.A)}",
        _ => null,
    };

    private bool IsOwnNumber(Primitive store) =>
        symbols[symbols.Root(store.A)].Kind == SymbolKind.This && symbols.AllocationOf(store.B) == 0 && symbols.KindOf(store.B) is not (SymbolKind.Argument or SymbolKind.View or SymbolKind.New or SymbolKind.Function);

    private bool IsOfArguments(Value value)
    {
        if (value.IsConstant) return true;
        SymbolData data = symbols.Of(value);
        return data.Kind switch
        {
            SymbolKind.Argument or SymbolKind.Allocation or SymbolKind.Static => true,
            SymbolKind.Binary => IsOfArguments(data.A) && IsOfArguments(data.B),
            SymbolKind.Load or SymbolKind.Field or SymbolKind.Element or SymbolKind.View => IsOfArguments(data.A),
            _ => false,
        };
    }

    private int Number(Value allocation)
    {
        if (!_allocations.TryGetValue(allocation.Symbol, out int number)) _allocations.Add(allocation.Symbol, number = _allocations.Count);
        return number;
    }

    private string Of(Value? value) => value is { } known ? Of(known) : "";

    private string Of(Value value)
    {
        if (value.IsConstant) return value.Offset.ToString(System.Globalization.CultureInfo.InvariantCulture);
        SymbolData data = symbols.Of(value);
        string text = data.Kind switch
        {
            SymbolKind.Argument => "#" + ((IParameterSymbol)data.Item!).Ordinal,
            SymbolKind.Local when data.Item is IParameterSymbol parameter => "&#" + parameter.Ordinal,
            SymbolKind.This => "this",
            SymbolKind.Static => data.Item is ISymbol member ? member.ToDisplayString() : (string)data.Item!,
            SymbolKind.Allocation => "allocation " + Number(value),
            SymbolKind.Load => $"[{Of(data.A)}]",
            SymbolKind.Field => $"{Of(data.A)}.{((ISymbol)data.Item!).ToDisplayString()}",
            SymbolKind.Element => $"{Of(data.A)}[{Of(data.B)}]{data.Tag}",
            SymbolKind.View => $"{Of(data.A)} as {data.Item}",
            SymbolKind.Binary => $"({Of(data.A)} {(Operator)data.Tag} {Of(data.B)})",
            SymbolKind.Function => ((FunctionValue)data.Item!).Method.ToDisplayString(),
            _ => data.Kind.ToString(),
        };
        return value.Offset == 0 ? text : $"{text}+{value.Offset}";
    }
}
