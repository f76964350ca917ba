namespace KAlloc.Runtime.Tests;

/// <summary>
/// The page allocator once more, as plainly as it can be said: managed lists and dictionaries, no memory map, no locks. One model for all zones of
/// a system; a test does the same to both and compares.
/// </summary>
internal sealed class BuddyModel
{
    private const int MaxOrder = 10;
    private const int BlockOrder = 9;
    private const uint BlockFrames = 512;
    private readonly bool _noFragment;

    internal BuddyModel(IEnumerable<Zone> zones)
    {
        Zones = [.. zones.Select(zone => new ModelZone(zone))];
        _noFragment = Zones.Any(zone => zone.Type == ZoneType.Dma32);
    }

    internal List<ModelZone> Zones { get; }

    internal ModelZone ZoneOf(uint frame) => Zones.Single(zone => frame >= zone.Start && frame < zone.End);

    /// <summary>The first frame, or null.</summary>
    internal uint? Allocate(GfpFlags flags, int order)
    {
        ZoneType type =
            flags.HasFlag(GfpFlags.Dma) ? ZoneType.Dma
            : flags.HasFlag(GfpFlags.Dma32) ? ZoneType.Dma32
            : flags.HasFlag(GfpFlags.HighMem | GfpFlags.Movable) ? ZoneType.Movable
            : flags.HasFlag(GfpFlags.HighMem) ? ZoneType.HighMem
            : ZoneType.Normal;
        MigrateType mobility = flags.HasFlag(GfpFlags.Movable) ? MigrateType.Movable : flags.HasFlag(GfpFlags.Reclaimable) ? MigrateType.Reclaimable : MigrateType.Unmovable;
        if (FromZones(type, mobility, order, AllocFlags.LowMark) is { } easy) return easy;

        AllocFlags alloc = flags.HasFlag(GfpFlags.High) ? AllocFlags.MinReserve : 0;
        bool waits = flags.HasFlag(GfpFlags.DirectReclaim);
        if (!waits && !flags.HasFlag(GfpFlags.NoMemAlloc))
        {
            alloc |= AllocFlags.NonBlock;
            if (order > 0 && flags.HasFlag(GfpFlags.High)) alloc |= AllocFlags.HighAtomic;
        }

        if (flags.HasFlag(GfpFlags.MemAlloc) && !flags.HasFlag(GfpFlags.NoMemAlloc)) alloc |= AllocFlags.NoWatermarks;
        if (FromZones(type, mobility, order, alloc) is { } page || !waits) return FromZonesResult;
        foreach (ModelZone zone in Zones) zone.Unreserve(mobility, force: false);
        return FromZones(type, mobility, order, alloc);
    }

    private uint? FromZonesResult { get; set; }

    private uint? FromZones(ZoneType type, MigrateType mobility, int order, AllocFlags alloc)
    {
        int first = Zones.FindLastIndex(zone => zone.Type <= type);
        bool whole = _noFragment && Zones[first].Type == ZoneType.Normal;
        foreach (bool noFragment in whole ? (bool[])[true, false] : [false])
        {
            for (int i = first; i >= 0; i--)
            {
                ModelZone zone = Zones[i];
                if (!zone.Allows(order, type, alloc)) continue;
                if (zone.Take(order, mobility, noFragment ? alloc | AllocFlags.NoFragment : alloc) is not { } frame) continue;
                return FromZonesResult = frame;
            }
        }

        return FromZonesResult = null;
    }

    internal sealed class ModelZone
    {
        private readonly LinkedList<uint>[,] _lists = new LinkedList<uint>[MaxOrder + 1, 4];
        private readonly Dictionary<uint, (int Order, MigrateType Type, LinkedListNode<uint> Node)> _free = [];
        private readonly Dictionary<uint, (int Order, MigrateType Type)> _used = [];
        private readonly Dictionary<uint, MigrateType> _types = [];
        private readonly ZoneMarks _marks;
        private readonly long[] _reserve;

        internal ModelZone(Zone zone)
        {
            (Start, End, Type, Fresh) = (zone.Start, zone.End, zone.Type, zone.Start);
            _marks = zone.Marks;
            _reserve = zone.LowmemReserve.ToArray();
            for (int order = 0; order <= MaxOrder; order++)
            {
                for (int type = 0; type < 4; type++) _lists[order, type] = new LinkedList<uint>();
            }
        }

        internal uint Start { get; }
        internal uint End { get; }
        internal ZoneType Type { get; }
        internal uint Fresh { get; private set; }
        internal long Boost { get; private set; }
        internal long Reserved { get; private set; }

        internal long Free => _free.Values.Sum(block => 1L << block.Order) + (End - Fresh);

        internal IEnumerable<uint> List(int order, MigrateType type) => _lists[order, (int)type];

        internal MigrateType TypeOf(uint frame) => _types.GetValueOrDefault(frame / BlockFrames, MigrateType.Movable);

        internal bool Allows(int order, ZoneType request, AllocFlags alloc)
        {
            if (alloc.HasFlag(AllocFlags.NoWatermarks)) return true;
            bool low = alloc.HasFlag(AllocFlags.LowMark);
            return Above(Boost) || (order == 0 && Boost != 0 && !low && alloc.HasFlag(AllocFlags.MinReserve) && Above(0));

            bool Above(long boost)
            {
                long mark = (low ? _marks.Low : _marks.Min) + boost;
                bool reserves = (alloc & AllocFlags.Reserves) != 0;
                long free = _countedFree - (reserves ? 0 : _countedHighAtomic) - ((1L << order) - 1);
                if (alloc.HasFlag(AllocFlags.MinReserve)) mark -= mark / 2;
                if (alloc.HasFlag(AllocFlags.MinReserve | AllocFlags.NonBlock)) mark -= mark / 4;
                if (free <= mark + _reserve[(int)request]) return false;
                if (order == 0 || Fresh < End) return true;
                for (int o = order; o <= MaxOrder; o++)
                {
                    for (int type = 0; type < 3; type++)
                    {
                        if (_lists[o, type].Count != 0) return true;
                    }

                    if (alloc.HasFlag(AllocFlags.HighAtomic) && _lists[o, 3].Count != 0) return true;
                }

                return false;
            }
        }

        private long _countedFree => _freeFrames + (End - Fresh);
        private long _freeFrames;
        private long _countedHighAtomic;

        internal uint? Take(int order, MigrateType type, AllocFlags alloc)
        {
            uint? frame = alloc.HasFlag(AllocFlags.HighAtomic) ? Smallest(order, MigrateType.HighAtomic) : null;
            frame ??= Smallest(order, type) ?? Claim(order, type, alloc);
            if (!alloc.HasFlag(AllocFlags.NoFragment)) frame ??= Steal(order, type);
            if (alloc.HasFlag(AllocFlags.NonBlock)) frame ??= Smallest(order, MigrateType.HighAtomic);
            if (frame is not { } found) return null;
            _used[found] = (order, type);
            if (order > 0 && alloc.HasFlag(AllocFlags.HighAtomic)) Reserve(found, order);
            return found;
        }

        internal void Give(uint frame)
        {
            (int order, _) = _used[frame];
            _used.Remove(frame);
            Merge(frame, order);
        }

        private uint? Smallest(int order, MigrateType type)
        {
            for (int found = order; found <= MaxOrder; found++)
            {
                if (found == MaxOrder && type == MigrateType.Movable && _lists[found, 1].Count == 0) BringIn();
                if (_lists[found, (int)type].First is { } first) return SplitOff(first.Value, found, order, type);
            }

            return null;
        }

        private void BringIn()
        {
            if (Fresh >= End) return;
            uint frame = Fresh;
            Fresh += 1u << MaxOrder;
            Add(frame, MaxOrder, MigrateType.Movable, tail: false);
        }

        private uint SplitOff(uint frame, int from, int to, MigrateType restType)
        {
            Remove(frame);
            while (from > to)
            {
                from--;
                Add(frame + (1u << from), from, restType, tail: false);
            }

            return frame;
        }

        private uint? Claim(int order, MigrateType type, AllocFlags alloc)
        {
            int least = alloc.HasFlag(AllocFlags.NoFragment) ? Math.Max(order, BlockOrder) : order;
            for (int found = MaxOrder; found >= least; found--)
            {
                if (Foreign(found, type) is not { } other) continue;
                if (type == MigrateType.Movable && found < BlockOrder / 2) return null;
                uint frame = _lists[found, (int)other].First!.Value;
                if (found >= BlockOrder)
                {
                    for (uint f = frame; f < frame + (1u << found); f += BlockFrames) _types[f / BlockFrames] = type;
                    return SplitOff(frame, found, order, type);
                }

                long most = Math.Max(_marks.High * 3 / 2, BlockFrames);
                if (End - Start >= 4 * BlockFrames && Boost < _marks.High * 3 / 2) Boost = Math.Min(Boost + BlockFrames, most);
                uint block = frame / BlockFrames * BlockFrames;
                int free = 0, movable = 0;
                for (uint f = block; f < block + BlockFrames; f++)
                {
                    if (_free.TryGetValue(f, out var hole)) free += 1 << hole.Order;
                    if (_used.TryGetValue(f, out var user) && user.Type == MigrateType.Movable) movable += Math.Min(1 << user.Order, (int)BlockFrames);
                }

                int alike = type == MigrateType.Movable ? movable : other == MigrateType.Movable ? (int)BlockFrames - free - movable : 0;
                if (free + alike < BlockFrames / 2) continue;
                Change(block, type);
                return Smallest(order, type);
            }

            return null;
        }

        private uint? Steal(int order, MigrateType type)
        {
            for (int found = order; found <= MaxOrder; found++)
            {
                if (Foreign(found, type) is { } other) return SplitOff(_lists[found, (int)other].First!.Value, found, order, other);
            }

            return null;
        }

        private MigrateType? Foreign(int order, MigrateType type)
        {
            MigrateType[] others = type switch
            {
                MigrateType.Unmovable => [MigrateType.Reclaimable, MigrateType.Movable],
                MigrateType.Movable => [MigrateType.Reclaimable, MigrateType.Unmovable],
                _ => [MigrateType.Unmovable, MigrateType.Movable],
            };
            foreach (MigrateType other in others)
            {
                if (order == MaxOrder && other == MigrateType.Movable && _lists[order, 1].Count == 0) BringIn();
                if (_lists[order, (int)other].Count != 0) return other;
            }

            return null;
        }

        private void Change(uint block, MigrateType type)
        {
            for (uint f = block; f < block + BlockFrames; f++)
            {
                if (!_free.TryGetValue(f, out var hole)) continue;
                Remove(f);
                Add(f, hole.Order, type, tail: true);
            }

            _types[block / BlockFrames] = type;
        }

        private void Reserve(uint frame, int order)
        {
            long share = (End - Start) / 100, most = (share + BlockFrames - 1) / BlockFrames * BlockFrames;
            if (share < BlockFrames || Reserved >= most || TypeOf(frame) == MigrateType.HighAtomic) return;
            if (order < BlockOrder) Change(frame / BlockFrames * BlockFrames, MigrateType.HighAtomic);
            for (uint f = frame; f < frame + (1u << order); f += BlockFrames) _types[f / BlockFrames] = MigrateType.HighAtomic;
            Reserved += Math.Max(BlockFrames, 1u << order);
        }

        internal void Unreserve(MigrateType type, bool force)
        {
            if (Reserved == 0 || (!force && Reserved <= BlockFrames)) return;
            for (int order = 0; order <= MaxOrder; order++)
            {
                if (_lists[order, 3].First is not { } first) continue;
                uint frame = first.Value;
                Reserved -= Math.Max(BlockFrames, 1u << order);
                if (order < BlockOrder)
                {
                    Change(frame / BlockFrames * BlockFrames, type);
                    return;
                }

                Remove(frame);
                for (uint f = frame; f < frame + (1u << order); f += BlockFrames) _types[f / BlockFrames] = type;
                Merge(frame, order);
                return;
            }
        }

        private void Merge(uint frame, int order)
        {
            MigrateType type = TypeOf(frame);
            for (; order < MaxOrder; order++)
            {
                uint buddy = frame ^ (1u << order);
                if (!IsFree(buddy, order)) break;
                MigrateType other = TypeOf(buddy);
                if (other != type && (other == MigrateType.HighAtomic || type == MigrateType.HighAtomic)) break;
                Remove(buddy);
                if (order >= BlockOrder) _types[buddy / BlockFrames] = type;
                frame = Math.Min(frame, buddy);
            }

            bool soon = order < MaxOrder - 1 && IsFree((frame & ~(1u << order)) ^ (2u << order), order + 1);
            Add(frame, order, type, soon);
        }

        private bool IsFree(uint frame, int order) => _free.TryGetValue(frame, out var block) && block.Order == order;

        private void Add(uint frame, int order, MigrateType type, bool tail)
        {
            LinkedList<uint> list = _lists[order, (int)type];
            _free[frame] = (order, type, tail ? list.AddLast(frame) : list.AddFirst(frame));
            _freeFrames += 1L << order;
            if (type == MigrateType.HighAtomic) _countedHighAtomic += 1L << order;
        }

        private void Remove(uint frame)
        {
            (int order, MigrateType type, LinkedListNode<uint> node) = _free[frame];
            _lists[order, (int)type].Remove(node);
            _free.Remove(frame);
            _freeFrames -= 1L << order;
            if (type == MigrateType.HighAtomic) _countedHighAtomic -= 1L << order;
        }
    }
}
