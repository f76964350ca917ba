// Values, states and summaries as text for people: places are written as in the source, symbols by what they stand for.
//
//   p = owned kmalloc?        p holds memory of kmalloc that the path must free, and that may be null
//   this._n = ?Next()         the field holds what a call returned, of which nothing is known
//   n in 1..16                an interval;  x != 0, p non-null in the same list

using System.Globalization;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed class StateText(SymbolTable symbols)
{
    private readonly Dictionary<int, string> _allocations = [];

    /// <summary>One line for each thing that is known: variables and fields, open sections, memory that no variable holds, facts about values.</summary>
    internal List<string> Of(FlowState state)
    {
        var lines = new List<string>();
        var held = new HashSet<int>();
        for (int i = 0; i < state.Cells.Count; i++)
        {
            Value place = state.Cells.KeyAt(i), value = state.Canonical(state.Cells.ValueAt(i));
            held.Add(symbols.AllocationOf(value));
            if (symbols[symbols.Root(place)].Kind is SymbolKind.Capture || symbols.IsSpanSlot(place)) continue;
            string name = Place(place), text = Of(state, value, IsPointerAt(place));
            if (text != name) lines.Add($"{name} = {text}");
        }

        for (int i = 0; i < state.AllocationCount; i++)
            if (state.AllocationAt(i) is { Status: AllocationStatus.Owned } allocation && !held.Contains(allocation.Symbol)) lines.Add($"nobody holds {Of(state, new Value(allocation.Symbol, 0), true)}");
        for (Section? section = state.Sections; section is not null; section = section.Outer) lines.Add("in " + Of(section));
        SmallMap<int, Fact> facts = state.Facts;
        for (int i = 0; i < facts.Count; i++)
            if (Text(state, facts.KeyAt(i), facts.ValueAt(i)) is { } fact) lines.Add(fact);
        return lines;
    }

    internal string Of(Section section) => section.Identity.IsConstant ? section.Name : $"{section.Name}({Place(section.Identity)})";

    /// <summary>The value with what became of the memory that it points to.</summary>
    internal string Of(FlowState state, Value value, bool isPointer)
    {
        value = state.Canonical(value);
        if (value.IsZero && isPointer) return "null";
        if (!state.TryGetAllocation(value, out Allocation allocation) && !state.TryGetFreed(value, out allocation)) return Of(value);
        bool mayBeNull = allocation is { Status: AllocationStatus.Owned, IsAdopted: false } && state.IsNonZero(new Value(allocation.Symbol, 0)) != true;
        return $"{allocation.Status.ToString().ToLowerInvariant()} {Of(value)}{(mayBeNull ? "?" : "")}";
    }

    private string? Text(FlowState state, int symbol, Fact fact)
    {
        var value = new Value(symbol, 0);
        SymbolData data = symbols[symbol];
        if (state.Canonical(value) != value || data.Kind is SymbolKind.Allocation or SymbolKind.Binary) return null;
        long low = Math.Max(fact.Low, data.Low), high = Math.Min(fact.High, data.High);
        if (low > data.Low || high < data.High) return $"{Of(value)} in {(low == long.MinValue ? "" : low)}..{(high == long.MaxValue ? "" : high)}";
        return fact.NonZero ? Of(value) + " != 0" : null;
    }

    private bool IsPointerAt(Value place)
    {
        SymbolData data = symbols.Of(place);
        ITypeSymbol? type = data.Item switch { ILocalSymbol local => local.Type, IParameterSymbol parameter => parameter.Type, IFieldSymbol field => field.Type, ITypeSymbol element => element, _ => null };
        return type is null or IPointerTypeSymbol or { IsReferenceType: true } or { SpecialType: SpecialType.System_IntPtr or SpecialType.System_UIntPtr };
    }

    /// <summary>What an address names, as the source would write it.</summary>
    internal string Place(Value address)
    {
        SymbolData data = symbols.Of(address);
        string name = data.Kind switch
        {
            SymbolKind.Local or SymbolKind.Captured => ((ISymbol)data.Item!).Name,
            SymbolKind.Static => data.Item is ISymbol member ? member.ContainingType?.Name + "." + member.Name : (string)data.Item!,
            SymbolKind.Field when symbols.KindOf(data.A) is SymbolKind.Local or SymbolKind.Field or SymbolKind.Static or SymbolKind.Element or SymbolKind.Captured => Place(data.A) + "." + ((ISymbol)data.Item!).Name,
            SymbolKind.Field => Of(data.A) + (symbols.KindOf(data.A) is SymbolKind.This or SymbolKind.New or SymbolKind.Stack ? "." : "->") + ((ISymbol)data.Item!).Name,
            SymbolKind.Element => $"{Of(data.A)}[{Of(data.B)}]",
            SymbolKind.This => "this",
            _ => "*" + Of(address with { Offset = 0 }),
        };
        return WithOffset(name, address.Offset);
    }

    internal string Of(Value value)
    {
        if (value.IsConstant) return value.Offset.ToString(CultureInfo.InvariantCulture);
        SymbolData data = symbols.Of(value);
        return WithOffset(data.Kind switch
        {
            SymbolKind.Argument => ((ISymbol)data.Item!).Name,
            SymbolKind.This => "this",
            SymbolKind.Load => Place(data.A) + (data.Tag == 0 ? "" : "@" + data.Tag.ToString(CultureInfo.InvariantCulture)),
            SymbolKind.Allocation => AllocationName(value.Symbol, data),
            SymbolKind.View => $"{data.Item}({Of(data.A)})",
            SymbolKind.New => data.Item is SyntaxNode made ? "new " + Short(made) : $"\"{data.Item}\"",
            SymbolKind.Stack => "stack",
            SymbolKind.Function => data.Item is FunctionValue { Lambda: null } function ? function.Method.Name : "lambda",
            SymbolKind.Binary => Binary(data),
            SymbolKind.Unknown => "?" + (data.Item is SyntaxNode site ? Short(site) : data.Item is ISymbol symbol ? symbol.Name : ""),
            SymbolKind.Local or SymbolKind.Captured or SymbolKind.Static or SymbolKind.Field or SymbolKind.Element => "&" + Place(value with { Offset = 0 }),
            _ => data.Kind.ToString(),
        }, value.Offset);
    }

    /// <summary>The condition as it turned out.</summary>
    internal string Condition(Value condition, bool truth)
    {
        SymbolData data = symbols.Of(condition);
        if (condition.IsConstant || condition.Offset != 0 || data.Kind != SymbolKind.Binary) return $"{Of(condition)} {(truth ? "!=" : "==")} 0";
        return (Operator)data.Tag switch
        {
            Operator.Not => Condition(data.A, !truth),
            Operator.Equal => $"{Of(data.A)} {(truth ? "==" : "!=")} {Of(data.B)}",
            Operator.Less => $"{Of(data.A)} {(truth ? "<" : ">=")} {Of(data.B)}",
            _ => $"{Of(condition)} {(truth ? "!=" : "==")} 0",
        };
    }

    private string Binary(SymbolData data)
    {
        if ((Operator)data.Tag is Operator.Not or Operator.Complement or Operator.Negate) return ((Operator)data.Tag switch { Operator.Not => "!", Operator.Complement => "~", _ => "-" }) + Of(data.A);
        string sign = (Operator)data.Tag switch
        {
            Operator.Equal => "==", Operator.Less => "<", Operator.And => "&", Operator.Or => "|", Operator.Xor => "^", Operator.Add => "+", Operator.Subtract => "-",
            Operator.Multiply => "*", Operator.Divide => "/", Operator.Remainder => "%", Operator.ShiftLeft => "<<", Operator.UnsignedShiftRight => ">>>", Operator.Min => "min", Operator.Max => "max", _ => ">>",
        };
        return $"({Of(data.A)} {sign} {Of(data.B)})";
    }

    /// <summary>Allocations are called after what makes them; from the second on, with a number.</summary>
    private string AllocationName(int symbol, SymbolData data)
    {
        if (_allocations.TryGetValue(symbol, out string? known)) return known;
        string name = data.Item is Microsoft.CodeAnalysis.CSharp.Syntax.InvocationExpressionSyntax call ? CalledName(call.Expression) : "memory";
        int others = 1;
        foreach (string other in _allocations.Values)
            if (other == name || other.StartsWith(name + "#", StringComparison.Ordinal)) others++;
        return _allocations[symbol] = others == 1 ? name : $"{name}#{others}";
    }

    private static string CalledName(SyntaxNode expression) => expression switch
    {
        Microsoft.CodeAnalysis.CSharp.Syntax.MemberAccessExpressionSyntax access => access.Name.Identifier.ValueText,
        Microsoft.CodeAnalysis.CSharp.Syntax.SimpleNameSyntax name => name.Identifier.ValueText,
        _ => "call",
    };

    private static string WithOffset(string name, long offset) =>
        offset == 0 ? name : offset > 0 ? $"{name} + {offset.ToString(CultureInfo.InvariantCulture)}" : $"{name} - {(-offset).ToString(CultureInfo.InvariantCulture)}";

    internal static string Short(SyntaxNode syntax)
    {
        string text = System.Text.RegularExpressions.Regex.Replace(syntax.ToString(), @"\s+", " ");
        return text.Length <= 60 ? text : text.Substring(0, 59) + "…";
    }
}
