// Red zones, poison and user tracking: what a cache with SLAB_RED_ZONE, SLAB_POISON or SLAB_STORE_USER does at each call.
//
//   free    bb.. | 6b 6b .. 6b a5      | bb.. | free pointer | who allocated, who freed | size asked for
//   used    cc.. | the user's | cc ..  | cc.. | ...            kmalloc: what lies behind the size asked for is red too
//   slab    5a 5a .. (colour) | objects ... | 5a 5a .. to the end                       padding, with SLAB_POISON
//
// Bytes and texts are the kernel's. A damaged object is put right before the report, so that what comes after it works. At a free the object
// then stays allocated, and may be freed again; at an allocation it stays free. A slab is looked at once more when it goes back to the buddy.
// Cost: microseconds a call. Kernel concept: check_object, init_object, set_track, set_orig_size, slab_pad_check, object_err, trace.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    private const SlabFlags ZoneFlags = SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser;
    private const byte RedInactive = 0xbb;
    private const byte RedActive = 0xcc;
    internal const byte PoisonFree = 0x6b;
    internal const byte PoisonEnd = 0xa5;
    internal const byte PoisonInUse = 0x5a;

    private static bool HasZones(KmemCache* cache) => (cache->Flags & ZoneFlags) != 0;

    /// <summary>Whether free objects of the cache are filled with poison.</summary>
    internal static bool IsPoisoned(KmemCache* cache) =>
        (cache->Flags & SlabFlags.Poison) != 0 && cache->Constructor == null && (cache->Flags & SlabFlags.TypesafeByRcu) == 0;

    /// <summary>Brings the objects of a new slab into the state of free ones.</summary>
    private void PrepareObjects(KmemCache* cache, Page* slab)
    {
        nuint obj = FirstObject(cache, slab);
        for (uint i = 0; i < ObjectsIn(cache, slab); i++, obj += cache->Size)
        {
            MarkZones(cache, obj, RedInactive);
            if ((cache->Flags & SlabFlags.StoreUser) != 0) new Span<Track>((void*)(obj + cache->TrackOffset), 2).Clear();
        }

        HeadOf(cache, slab).Fill(PoisonInUse);
        TailOf(cache, slab).Fill(PoisonInUse);
    }

    /// <summary>Checks an object that was just taken from its slab, and marks it used. False: it was damaged and went back.</summary>
    private bool CheckAndMarkUsed(KmemCache* cache, nint taken)
    {
        var obj = (nuint)taken;
        Page* slab = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(obj)));
        string? text = RestorePadding(cache, slab), damage = DamageOf(cache, obj, RedInactive);
        if (damage is null && text is null)
        {
            MarkZones(cache, obj, RedActive);
            if (cache->RequestOffset != 0) *RequestField(cache, obj) = cache->ObjectSize;
            if ((cache->Flags & SlabFlags.StoreUser) != 0) Remember(cache, obj, 0);
            return true;
        }

        text ??= ReportOf(cache, obj, damage!);
        MarkZones(cache, obj, RedInactive);
        FreeToSlabs(cache, &taken, 1);
        KernelReports.Bug(text, obj);
        return false;
    }

    /// <summary>Checks an object that is to be freed, and marks it free. False: it is not a used object of the cache, or was damaged, and is not freed.</summary>
    private bool CheckAndMarkFree(KmemCache* cache, nint freed)
    {
        var obj = (nuint)freed;
        Page* slab = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(obj)));
        cache->Lock.Enter();
        SlabError error = CheckUsed(cache, slab, FirstObject(cache, slab), obj);
        cache->Lock.Leave();
        if (error != SlabError.None)
        {
            ReportFree(cache, obj, error);
            return false;
        }

        if (RestorePadding(cache, slab) is { } padding) KernelReports.Bug(padding, obj);
        string? damage = DamageOf(cache, obj, RedActive);
        if (damage is not null)
        {
            string text = ReportOf(cache, obj, damage) + $"\nFIX {NameOf(cache->Id)}: Object at 0x{obj:x} not freed";
            MarkRedZones(cache, obj, RedActive);
            RequestZone(cache, obj).Fill(RedActive);
            KernelReports.Bug(text, obj);
            return false;
        }

        MarkZones(cache, obj, RedInactive);
        if ((cache->Flags & SlabFlags.StoreUser) != 0) Remember(cache, obj, 1);
        return true;
    }

    /// <summary>Remembers the size that kmalloc was asked for, and watches what lies behind it.</summary>
    internal static void Request(KmemCache* cache, void* obj, nuint size)
    {
        if (cache->RequestOffset == 0) return;
        *RequestField(cache, (nuint)obj) = size;
        RequestZone(cache, (nuint)obj).Fill(RedActive);
    }

    /// <summary>The size that kmalloc was asked for; where nobody remembers it, that of the class.</summary>
    internal static nuint RequestOf(KmemCache* cache, void* obj) =>
        cache->RequestOffset == 0 ? cache->ObjectSize : Math.Min(*RequestField(cache, (nuint)obj), cache->ObjectSize);

    private static nuint* RequestField(KmemCache* cache, nuint obj) => (nuint*)(obj + cache->RequestOffset);

    private static Span<byte> RequestZone(KmemCache* cache, nuint obj)
    {
        nuint size = RequestOf(cache, (void*)obj);
        return new((void*)(obj + size), (int)(cache->ObjectSize - size));
    }

    private static Span<byte> LeftZone(KmemCache* cache, nuint obj) => new((void*)(obj - cache->LeftPad), (int)cache->LeftPad);

    private static Span<byte> RightZone(KmemCache* cache, nuint obj) => (cache->Flags & SlabFlags.RedZone) != 0
        ? new((void*)(obj + cache->ObjectSize), (int)(cache->FreeOffset - cache->ObjectSize)) : default;

    private static void MarkRedZones(KmemCache* cache, nuint obj, byte value)
    {
        LeftZone(cache, obj).Fill(value);
        RightZone(cache, obj).Fill(value);
    }

    private static void MarkZones(KmemCache* cache, nuint obj, byte value)
    {
        MarkRedZones(cache, obj, value);
        if (!IsPoisoned(cache)) return;
        var bytes = new Span<byte>((void*)obj, (int)cache->ObjectSize);
        bytes.Fill(PoisonFree);
        bytes[^1] = PoisonEnd;
    }

    /// <summary>What is wrong with an object's surroundings and, if it is free, with its content; null: nothing.</summary>
    private string? DamageOf(KmemCache* cache, nuint obj, byte red)
    {
        string? damage = DamageIn(LeftZone(cache, obj), obj - cache->LeftPad, red, "Left Redzone")
            ?? DamageIn(RightZone(cache, obj), obj + cache->ObjectSize, red, "Right Redzone");
        if (damage is null && red == RedActive && cache->RequestOffset != 0)
            return DamageIn(RequestZone(cache, obj), obj + RequestOf(cache, (void*)obj), RedActive, "kmalloc Redzone");
        if (damage is not null || red != RedInactive || !IsPoisoned(cache)) return damage;
        var bytes = new Span<byte>((void*)obj, (int)cache->ObjectSize);
        return DamageIn(bytes[..^1], obj, PoisonFree, "Poison") ?? DamageIn(bytes[^1..], obj + cache->ObjectSize - 1, PoisonEnd, "End Poison");
    }

    /// <summary>Adds what is wrong with the objects of a slab. One that is on its way between free and used may have either red zone.</summary>
    private void CheckZones(KmemCache* cache, Page* slab, nuint start, List<string> errors)
    {
        nuint obj = start;
        for (uint i = 0; i < ObjectsIn(cache, slab) && errors.Count < MaxErrors; i++, obj += cache->Size)
        {
            bool free = i >= slab->Touched || IsOnFreelist(cache, slab, start, obj);
            string? damage = DamageOf(cache, obj, free ? RedInactive : RedActive);
            if (damage is not null && (free || DamageOf(cache, obj, RedInactive) is not null)) errors.Add($"cache {NameOf(cache->Id)}: object 0x{obj:x}: {damage}");
        }
    }

    /// <summary>Bytes of a slab before its first object, where its colour leaves some; watched with <see cref="SlabFlags.Poison"/>.</summary>
    private Span<byte> HeadOf(KmemCache* cache, Page* slab)
    {
        if ((cache->Flags & SlabFlags.Poison) == 0) return default;
        var start = (nuint)_memory.Address(_memory.FrameOf(slab));
        return new((void*)start, (int)(FirstObject(cache, slab) - cache->LeftPad - start));
    }

    /// <summary>Bytes of a slab behind its last object.</summary>
    private Span<byte> TailOf(KmemCache* cache, Page* slab)
    {
        if ((cache->Flags & SlabFlags.Poison) == 0) return default;
        nuint end = FirstObject(cache, slab) - cache->LeftPad + (ObjectsIn(cache, slab) * (nuint)cache->Size);
        return new((void*)end, (int)((nuint)_memory.Address(_memory.FrameOf(slab)) + ((nuint)_memory.PageSize << slab->Order) - end));
    }

    /// <summary>What is wrong with the bytes of a slab that no object has, and which of them it is; null: nothing.</summary>
    private string? PaddingDamage(KmemCache* cache, Page* slab, out Span<byte> damaged)
    {
        damaged = HeadOf(cache, slab);
        if (DamageIn(damaged, AddressOf(damaged), PoisonInUse, "Padding") is { } damage) return damage;
        damaged = TailOf(cache, slab);
        return DamageIn(damaged, AddressOf(damaged), PoisonInUse, "Padding");
    }

    /// <summary>Puts the padding of a slab right and says what was wrong with it; null: nothing.</summary>
    private string? RestorePadding(KmemCache* cache, Page* slab)
    {
        if (PaddingDamage(cache, slab, out Span<byte> damaged) is not { } damage) return null;
        nuint start = AddressOf(damaged);
        int line = damaged.IndexOfAnyExcept(PoisonInUse) & ~15;
        var text = new StringBuilder($"BUG {NameOf(cache->Id)}: {damage}\nSlab 0x{(nuint)_memory.Address(_memory.FrameOf(slab)):x} objects={ObjectsIn(cache, slab)} used={slab->Inuse}\n");
        Dump(text, "Padding ", start + (nuint)line, Math.Min(damaged.Length - line, 128));
        damaged.Fill(PoisonInUse);
        return text.Append($"\nFIX {NameOf(cache->Id)}: Restoring slab padding 0x{start:x}-0x{start + (nuint)damaged.Length - 1:x}=0x{PoisonInUse:x}").ToString();
    }

    /// <summary>What is wrong with slabs that go back to the buddy: all of their objects are free. The first damage; null: nothing.</summary>
    private string? DamageOfReleased(KmemCache* cache, uint first)
    {
        for (uint frame = first; frame != Page.Nil; frame = _memory.PageOf(frame)->Next)
        {
            Page* slab = _memory.PageOf(frame);
            if (RestorePadding(cache, slab) is { } padding) return padding;
            nuint obj = FirstObject(cache, slab);
            for (uint i = 0; i < ObjectsIn(cache, slab); i++, obj += cache->Size)
            {
                if (DamageOf(cache, obj, RedInactive) is { } damage) return ReportOf(cache, obj, damage);
            }
        }

        return null;
    }

    private static nuint AddressOf(Span<byte> bytes) => (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes));

    private string? DamageIn(Span<byte> bytes, nuint address, byte expected, string what)
    {
        int first = bytes.IndexOfAnyExcept(expected);
        if (first < 0) return null;
        int last = bytes.LastIndexOfAnyExcept(expected);
        nuint offset = address + (nuint)first - (nuint)_memory.Address(_memory.FrameOf(_memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(address)))));
        return $"{what} overwritten\n0x{address + (nuint)first:x}-0x{address + (nuint)last:x} @offset={offset}. First byte 0x{bytes[first]:x} instead of 0x{expected:x}";
    }

    private string ReportOf(KmemCache* cache, nuint obj, string damage)
    {
        Page* slab = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(obj)));
        nuint start = (nuint)_memory.Address(_memory.FrameOf(slab));
        var text = new StringBuilder($"BUG {NameOf(cache->Id)}: {damage}");
        if ((cache->Flags & SlabFlags.StoreUser) != 0)
        {
            var tracks = (Track*)(obj + cache->TrackOffset);
            tracks[0].AppendTo(text, "Allocated");
            tracks[1].AppendTo(text, "Freed");
        }

        text.Append($"\nSlab 0x{start:x} objects={ObjectsIn(cache, slab)} used={slab->Inuse}\nObject 0x{obj:x} @offset={obj - start}\n");
        Dump(text, "Redzone ", obj - cache->LeftPad, (int)Math.Min(cache->LeftPad, 16));
        Dump(text, "Object  ", obj, (int)Math.Min(cache->ObjectSize, 128));
        if ((cache->Flags & SlabFlags.RedZone) != 0) Dump(text, "Redzone ", obj + cache->ObjectSize, (int)(cache->FreeOffset - cache->ObjectSize));
        return text.ToString();
    }

    /// <summary>Tells of a call on a cache with <see cref="SlabFlags.Trace"/>.</summary>
    private void TraceCall(KmemCache* cache, nint obj, bool frees)
    {
        Page* slab = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress((nuint)obj)));
        var text = new StringBuilder($"TRACE {NameOf(cache->Id)} {(frees ? "free" : "alloc")} 0x{obj:x} inuse={slab->Inuse} fp=0x{slab->Freelist:x}");
        if (frees)
        {
            // What was handed in may be no object: the dump ends with the slab.
            nuint end = (nuint)_memory.Address(_memory.FrameOf(slab)) + ((nuint)_memory.PageSize << slab->Order);
            Dump(text, "Object  ", (nuint)obj, (int)Math.Min(Math.Min(cache->ObjectSize, 128), end - (nuint)obj));
        }

        KernelReports.Info(text.Append(ContextReport.CallTrace()).ToString());
    }

    private static void Dump(StringBuilder text, string what, nuint address, int count)
    {
        for (int line = 0; line < count; line += 16)
        {
            var bytes = new ReadOnlySpan<byte>((void*)(address + (nuint)line), Math.Min(16, count - line));
            text.Append($"\n{what} {address + (nuint)line:x16}:");
            foreach (byte b in bytes) text.Append($" {b:x2}");
        }
    }

    private static void Remember(KmemCache* cache, nuint obj, int which) => ((Track*)(obj + cache->TrackOffset))[which].Set();
}
