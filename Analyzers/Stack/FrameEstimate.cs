// The bytes of a frame, predicted for optimised code on x64 System V, and what they consist of.
//
//   cross  = scalars that live across a call, and operands that wait for one
//   saved  = min(5, |cross|)        callee-saved registers rbx, r12–r15; the rest of cross spills
//   struct = structs that live in memory whole: addressed, passed, returned, copied, set by a call.  No two share a slot
//   temp   = results of calls in the middle of expressions, string handlers, enumerators
//   frame  = up16(16 + 8·saved + spill + fp + 8·exposed scalars + struct + temp + stackalloc ≤ 32 + max outgoing + cookie + localloc)
//            + Σ up16(stackalloc > 32)
//
// 16 = return address and rbp. Floats that cross a call always spill: no SIMD register is saved by callees. Tier-0 code and Debug builds need
// more: the estimate is of Release. A test holds it against the JIT's own prologs.
// Not modelled: structs of callees that the JIT inlines, register pressure without a call, arm64, Windows.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Stack;

/// <summary>One thing in a frame that takes bytes.</summary>
internal readonly record struct FramePart(string Name, int Bytes, SyntaxNode Place, ISymbol? Local, bool IsStackAlloc);

/// <summary>A predicted frame.</summary>
internal sealed class FrameEstimate
{
    /// <summary>Below this a part is not worth naming.</summary>
    private const int SmallestNamedPart = 32;

    /// <summary>Return address and rbp.</summary>
    private const int Fixed = 16;

    /// <summary>rbx, r12, r13, r14, r15.</summary>
    private const int SavedRegisters = 5;

    /// <summary>A stackalloc up to this size, outside loops, becomes an ordinary local.</summary>
    private const int LargestInlineStackAlloc = 32;

    /// <summary>Past this a frame holds odds and ends that the terms do not cover.</summary>
    private const int MarginAbove = 200;

    /// <summary>What the JIT adds to a state machine's MoveNext: its own try block, awaiter and state.</summary>
    private const int StateMachineBase = 64;

    public int Bytes { get; init; }

    /// <summary>A part has no known bound, or a type parameter hides its size.</summary>
    public bool IsAtLeast { get; init; }

    /// <summary>What takes most, largest first.</summary>
    public ImmutableArray<FramePart> Parts { get; init; }

    internal static FrameEstimate Of(FrameFeatures features, SemanticModel model, TypeLayouts layouts)
    {
        var parts = new List<FramePart>();
        bool atLeast = features.IsIncomplete, hasBuffer = false;
        double crossing = 0;
        int crossings = features.WaitingOperands, floats = 8 * features.WaitingFloats, scalars = 0;
        long structs = 0;
        crossing += 8.0 * features.WaitingOperands;

        foreach (FrameVariable variable in features.Variables.Values.Concat(features.Hidden))
        {
            if (IsElsewhere(variable, features)) continue;
            TypeLayout layout = variable.Layout;
            atLeast |= layout.IsAtLeast && variable.IsUsed;
            bool crosses = variable.FirstWrite >= 0 && FrameFeatures.AnyBetween(features.Calls, variable.FirstWrite, variable.End);
            if (variable.IsStructInMemory && BytesInFrame(variable) is > 0 and var bytes)
            {
                structs += bytes;
                hasBuffer |= layout.HasBuffer;
                parts.Add(Part(variable, bytes));
            }
            else if (!variable.IsUsed || variable.IsParameter && layout is { IsStruct: true, Size: > 16 })
            {
                // Never touched, or in the caller's frame.
            }
            else if (variable.IsExposed || variable.IsPinned || variable.IsInClosure || variable.IsUsedInHandler)
            {
                scalars += Math.Max(8, Up(layout.Size, 8));
            }
            else if (layout.IsSimd || layout.IsFloat)
            {
                if (crosses) floats += Math.Max(8, layout.Size);
            }
            else if (crosses)
            {
                int registers = layout is { IsStruct: true, Leaves: 2, Size: <= 16 } ? 2 : 1;
                crossings += registers;
                crossing += layout.IsStruct && layout.Size > 16 ? 8 : layout.Size;
            }
        }

        foreach (FrameVariable variable in features.Variables.Values.Where(variable => variable.OverwritingCalls > 0))
        {
            int copies = Up(variable.Layout.Size, 8);
            structs += copies;
            parts.Add(new FramePart($"the result that overwrites '{variable.Symbol!.Name}'", copies, variable.Place, null, false));
        }

        long temporaries = 0;
        foreach (FrameTemporary temporary in features.Temporaries)
        {
            temporaries += temporary.Bytes;
            parts.Add(new FramePart(temporary.Name, temporary.Bytes, temporary.Place, null, false));
        }

        if (features.Outgoing.Bytes > 0) parts.Add(new FramePart(features.Outgoing.Name, features.Outgoing.Bytes, features.Outgoing.Place, null, false));

        long inline = 0, dynamic = 0;
        var sizes = new StackAllocSize(model, layouts, features);
        foreach (StackAllocation allocation in features.StackAllocations)
        {
            long? size = sizes.BytesOf(allocation.Expression);
            long turns = 1;
            foreach (LoopSpan loop in allocation.Loops)
            {
                atLeast |= loop.Turns == 0;
                turns *= Math.Max(1, loop.Turns);
            }

            atLeast |= size is null;
            if (size is not > 0) continue;
            bool isInline = size <= LargestInlineStackAlloc && allocation.Loops.Count == 0;
            long bytes = isInline ? Up(size.Value, 8) : Up(size.Value, 16) * turns;
            if (isInline) inline += bytes;
            else dynamic += bytes;
            parts.Add(new FramePart(allocation.Name == "stackalloc" ? "stackalloc" : $"'{allocation.Name}'", Clamp(bytes), allocation.Place, allocation.Local, true));
        }

        int saved = Math.Min(SavedRegisters, crossings);
        double spill = crossings == 0 ? 0 : crossing * (crossings - saved) / crossings;
        double frame = Fixed + 8 * saved + spill + floats + scalars + structs + temporaries + inline + features.Outgoing.Bytes;
        if (hasBuffer || features.StackAllocations.Count > 0) frame += 8;
        if (dynamic > 0) frame += 8;
        if (features.IsAsyncOrIterator) frame += StateMachineBase;
        if (frame > MarginAbove) frame += Fixed;

        return new FrameEstimate
        {
            Bytes = Clamp(Up((long)Math.Ceiling(frame), 16) + dynamic),
            IsAtLeast = atLeast,
            Parts = [.. parts.Where(part => part.Bytes >= SmallestNamedPart).OrderByDescending(part => part.Bytes).ThenBy(part => part.Place.SpanStart)],
        };
    }

    private static int BytesInFrame(FrameVariable variable)
    {
        int size = Up(variable.Layout.Size, 8);
        if (!variable.IsParameter || variable.Layout.Size <= 16) return size;

        // A large struct by value lies in the caller's outgoing area; only guarded ones and targets of calls get a copy.
        return variable.Layout.HasBuffer || variable.IsSetFromCall ? size : 0;
    }

    /// <summary>In the heap: captured by a lambda, or a field of the state machine since it lives across an await or yield.</summary>
    private static bool IsElsewhere(FrameVariable variable, FrameFeatures features)
    {
        if (variable.IsInHeap) return true;
        if (!features.IsAsyncOrIterator) return false;
        return variable.IsParameter || FrameFeatures.AnyBetween(features.Suspensions, variable.FirstWrite, variable.End);
    }

    private static FramePart Part(FrameVariable variable, int bytes) =>
        new(variable.Symbol is { } symbol ? $"'{symbol.Name}'" : "a hidden copy", bytes, variable.Place, variable.Symbol, false);

    private static int Up(int bytes, int unit) => (bytes + unit - 1) / unit * unit;

    private static long Up(long bytes, int unit) => (bytes + unit - 1) / unit * unit;

    /// <summary>No stack is larger; the sum must not wrap.</summary>
    private static int Clamp(long bytes) => (int)Math.Min(bytes, int.MaxValue / 2);
}
