// What one walk over a body finds out for the frame estimate: the variables with their lifetimes, and everything else that takes stack.
//
// Time is the order of evaluation: every read, write and call gets the next number. A value *crosses* a call if it is written before and
// used after one; a use inside a loop that the value enters from outside counts as lasting to the loop's end.

using System;
using System.Collections.Generic;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Stack;

/// <summary>A loop while it is walked and after.</summary>
internal sealed class LoopSpan(int start, long turns)
{
    public int Start { get; } = start;

    public int End { get; set; } = int.MaxValue;

    /// <summary>How often the body runs, if constants tell; 0: unknown.</summary>
    public long Turns { get; } = turns;
}

/// <summary>A local or parameter of the body.</summary>
internal sealed class FrameVariable(ISymbol? symbol, TypeLayout layout, SyntaxNode place)
{
    public ISymbol? Symbol { get; } = symbol;

    public TypeLayout Layout { get; } = layout;

    /// <summary>Where it is declared.</summary>
    public SyntaxNode Place { get; } = place;

    public bool IsParameter { get; init; }

    /// <summary>A pinned or by-ref local: 8 bytes whatever it refers to.</summary>
    public bool IsPinned { get; init; }

    public int FirstWrite { get; set; } = -1;

    public int LastUse { get; set; } = -1;

    public int Writes { get; set; }

    /// <summary>The outermost loop that the value enters from outside.</summary>
    public LoopSpan? LastsToEndOf { get; set; }

    /// <summary>Its address is taken: it needs memory.</summary>
    public bool IsExposed { get; set; }

    /// <summary>Read as a whole: passed, returned, copied, boxed.</summary>
    public bool IsUsedWhole { get; set; }

    /// <summary>Written as a whole from memory or another variable.</summary>
    public bool IsSetFromCopy { get; set; }

    /// <summary>Written by a call's result.</summary>
    public bool IsSetFromCall { get; set; }

    /// <summary>Calls that write it after its first write.</summary>
    public int OverwritingCalls { get; set; }

    /// <summary>A lambda uses it: it lives in the heap.</summary>
    public bool IsInHeap { get; set; }

    /// <summary>A local function uses it: it lives in a closure on this frame.</summary>
    public bool IsInClosure { get; set; }

    /// <summary>Used in a handler or finally block, but written outside: it lives in memory across the region.</summary>
    public bool IsUsedInHandler { get; set; }

    /// <summary>The value of its initialiser, if constant.</summary>
    public long? ConstantInitializer { get; set; }

    public bool IsUsed => FirstWrite >= 0 || LastUse >= 0;

    /// <summary>Held in registers, field by field.</summary>
    public bool IsScalar => !Layout.IsStruct || Layout is { Size: <= 16, Leaves: <= 2, Overlaps: false, HasBuffer: false, IsInlineArray: false, IsSimd: false };

    /// <summary>Lives in the frame as a whole.</summary>
    public bool IsStructInMemory =>
        Layout is { IsStruct: true, IsSimd: false } && (IsExposed || IsInClosure || !IsScalar && (IsUsedWhole || IsSetFromCopy || IsSetFromCall || Layout.HasBuffer && IsExposed));

    public int End => LastsToEndOf is { } loop ? Math.Max(LastUse, loop.End) : LastUse;
}

/// <summary>One <c>stackalloc</c>.</summary>
internal sealed class StackAllocation(SyntaxNode expression, SyntaxNode place, string name)
{
    public SyntaxNode Expression { get; } = expression;

    /// <summary>Where a reader looks for it: the local that holds it, else the expression.</summary>
    public SyntaxNode Place { get; } = place;

    public string Name { get; } = name;

    /// <summary>The local that is initialised with it.</summary>
    public ILocalSymbol? Local { get; init; }

    public IReadOnlyList<LoopSpan> Loops { get; init; } = [];
}

/// <summary>Something else that takes a slot: a call's result, an enumerator, a string handler.</summary>
internal readonly record struct FrameTemporary(string Name, int Bytes, SyntaxNode Place);

/// <summary>The result of walking one body, lambda or local function.</summary>
internal sealed class FrameFeatures(ISymbol? function, SyntaxNode place)
{
    /// <summary>The method, lambda or local function; null for a field's initialiser.</summary>
    public ISymbol? Function { get; } = function;

    /// <summary>The declaration.</summary>
    public SyntaxNode Place { get; } = place;

    public Dictionary<ISymbol, FrameVariable> Variables { get; } = new(SymbolEqualityComparer.Default);

    /// <summary>Variables that no name stands for: the copy and the index of an array's foreach.</summary>
    public List<FrameVariable> Hidden { get; } = [];

    public List<StackAllocation> StackAllocations { get; } = [];

    public List<FrameTemporary> Temporaries { get; } = [];

    /// <summary>The times of calls, rising.</summary>
    public List<int> Calls { get; } = [];

    /// <summary>The times of awaits and yields, rising: what lives across one is a field of the state machine.</summary>
    public List<int> Suspensions { get; } = [];

    /// <summary>Operands that wait while a later operand calls.</summary>
    public int WaitingOperands { get; set; }

    public int WaitingFloats { get; set; }

    /// <summary>The largest area for outgoing arguments, and the call that needs it.</summary>
    public FrameTemporary Outgoing { get; set; }

    public bool IsAsyncOrIterator { get; set; }

    /// <summary>The walk met code that it cannot judge (deeper than the machine's stack allows).</summary>
    public bool IsIncomplete { get; set; }

    /// <summary>Is there a call strictly between the two times?</summary>
    public static bool AnyBetween(List<int> times, int after, int before)
    {
        int low = 0, high = times.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (times[middle] <= after) low = middle + 1;
            else high = middle;
        }

        return low < times.Count && times[low] < before;
    }
}
