// What code asks of the context that it runs in: "kmalloc(size, in_atomic() ? GFP_ATOMIC : GFP_KERNEL)" does not sleep under a lock. Where a lock is held, or
// the body is entered in a context, the answer is known; else the caller is asked, who may hold one.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>The name of the function that asks.</summary>
    private sealed record AskedContext(string Name) : IQuestion;

    private bool TryContext(IInvocationOperation invocation, out Value value)
    {
        value = default;
        if (invocation.TargetMethod is not { Parameters.IsEmpty: true, Name: "in_atomic" or "in_interrupt" or "in_irq" or "in_softirq" or "in_serving_softirq" or "in_task" or "irqs_disabled" or "preempt_count" } method) return false;
        // What a lock of the caller was given up for is asked without it.
        value = _state.Released is null ? ContextSays(method.Name) : Unknown(invocation);
        return true;
    }

    private Value ContextSays(string name)
    {
        bool isHeld = false, isEntered = false;
        for (Section? section = _state.Sections; section is not null; section = section.Outer)
        {
            isEntered |= section.Entry != EntryContext.Unknown;
            isHeld |= !section.Uncertain && Says(section, name);
        }

        if (name == "in_task") return isHeld ? Value.Zero : isEntered ? Value.One : Ask(1);
        if (name != "preempt_count") return isHeld ? Value.One : Ask(1);
        return isHeld ? Symbols.Unknown(name, low: 1, high: int.MaxValue) : Ask(int.MaxValue);

        Value Ask(long most) => Symbols.Make(SymbolKind.Unknown, item: new AskedContext(name), low: 0, high: most);
    }

    /// <summary>Of the section alone the function returns true; <c>in_task</c> false. <c>in_atomic</c> does not see that interrupts are off.</summary>
    private static bool Says(Section section, string name)
    {
        bool isHard = section.Entry == EntryContext.InterruptHandler, isSoft = section.Entry is EntryContext.SoftIrq or EntryContext.Tasklet or EntryContext.TimerCallback;
        bool isEntry = section.Entry != EntryContext.Unknown;
        bool isPreempt = section.Kind.HasFlag(SectionKind.Preempt), isBottom = !isEntry && section.Kind.HasFlag(SectionKind.SoftIrq), isOff = !isEntry && section.Kind.HasFlag(SectionKind.HardIrq);
        return name switch
        {
            "in_irq" => isHard,
            "in_serving_softirq" => isSoft,
            "in_task" => isHard || isSoft,
            "in_softirq" => isSoft || isBottom,
            "in_interrupt" => isHard || isSoft || isBottom,
            "irqs_disabled" => isHard || isOff,
            _ => isEntry || isPreempt || isBottom,
        };
    }
}
