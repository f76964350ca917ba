// A summary as text: one line for each way that a call can turn out.
//
//   sleeps if flags; allocate kmalloc; kmalloc != 0 → kmalloc

namespace KAlloc.Analyzers.Flow;

internal static class SummaryText
{
    internal static List<string> Of(Summary summary)
    {
        var lines = new List<string>();
        foreach (Outcome outcome in summary.Outcomes)
        {
            var text = new StateText(summary.Symbols);
            IEnumerable<string> steps = outcome.Log.Select(primitive => Of(text, primitive)).OfType<string>();
            lines.Add($"{string.Join("; ", steps)} → {text.Of(outcome.Result)}".TrimStart());
        }

        return lines;
    }

    /// <summary>Nothing for a read: what is read is written out where it is used.</summary>
    private static string? Of(StateText text, Primitive primitive) => primitive.Kind switch
    {
        PrimitiveKind.Store => $"{text.Place(primitive.A)} = {text.Of(primitive.B)}",
        PrimitiveKind.Copy => $"{text.Place(primitive.A)} = {text.Place(primitive.B)}",
        PrimitiveKind.Zero when primitive.Type is { IsValueType: true } => $"zero {text.Place(primitive.A)}",
        PrimitiveKind.Forget => $"forget {text.Place(primitive.A)}",
        PrimitiveKind.Havoc => primitive.Flag ? "locks unknown" : "unknown code",
        PrimitiveKind.Assume => text.Condition(primitive.A, primitive.Flag),
        PrimitiveKind.Allocate => "allocate " + text.Of(primitive.A),
        PrimitiveKind.Free => $"free {text.Of(primitive.A)}",
        PrimitiveKind.Touch => $"use {text.Of(primitive.A)}",
        PrimitiveKind.Sleep => primitive.A == Value.One ? "sleep" : $"sleep if {text.Of(primitive.A)}",
        PrimitiveKind.Enter => $"enter {Name(primitive)}({text.Place(primitive.A)})",
        PrimitiveKind.Leave => $"leave {Name(primitive)}({text.Place(primitive.A)})",
        PrimitiveKind.Escape => $"let out {text.Of(primitive.A)}",
        PrimitiveKind.Call => $"call {text.Of(primitive.A)}",
        _ => null,
    };

    private static string Name(Primitive primitive) => primitive.Site is { } site ? Names.Of(site.Innermost.Method) : "section";
}
