// Ranges of page numbers that do not overlap: a treap ordered by start, each node knowing the longest range below it.
//
//            [40..90) longest 50
//           /               \                     LowestFit(n): go left while something there is long enough: the lowest address that fits
//   [0..10) longest 10   [120..130) longest 10
//
// Two of them make an address space: the free ranges, which never touch, and the areas. Cost: O(log n) for every operation. A fit with an alignment
// looks for length + alignment - 1 first, which fits wherever it starts; only when no range is so long are ranges tried one by one.
// Kernel concept: the free and busy trees of vmap areas, subtree_max_size.

namespace KAlloc;

/// <summary>A range of pages, and the node of the tree it is in.</summary>
internal class AddressRange(ulong start, ulong length)
{
    internal ulong Start = start, Length = length, Longest = length;
    internal uint Priority;
    internal AddressRange? Left, Right;

    internal ulong End => Start + Length;

    internal void Update() => Longest = Math.Max(Length, Math.Max(Left?.Longest ?? 0, Right?.Longest ?? 0));
}

internal sealed class RangeTree
{
    private AddressRange? _root;
    private uint _random = 0x9E3779B9;

    internal int Count { get; private set; }

    /// <summary>Enters a range that overlaps no other.</summary>
    internal void Add(AddressRange range)
    {
        // xorshift: priorities only have to be independent of the order of insertion.
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        range.Priority = _random;
        range.Left = range.Right = null;
        range.Update();
        Split(_root, range.Start, out AddressRange? left, out AddressRange? right);
        _root = Merge(Merge(left, range), right);
        Count++;
    }

    /// <summary>Takes out the range that starts at a page; null if none does.</summary>
    internal AddressRange? Remove(ulong start)
    {
        AddressRange? removed = Remove(ref _root, start);
        if (removed is not null) Count--;
        return removed;
    }

    /// <summary>The range that a page lies in, or null.</summary>
    internal AddressRange? Find(ulong page)
    {
        AddressRange? node = _root;
        while (node is not null && page - node.Start >= node.Length) node = page < node.Start ? node.Left : node.Right;
        return node;
    }

    /// <summary>Cuts the lowest range of a length and alignment out of the tree; <see cref="ulong.MaxValue"/> if there is none.</summary>
    /// <param name="length">Pages.</param>
    /// <param name="alignment">A power of two, in pages.</param>
    internal ulong Take(ulong length, ulong alignment = 1)
    {
        AddressRange? fit = LowestFit(length + alignment - 1) ?? (alignment > 1 ? FirstAligned(_root, length, alignment) : null);
        if (fit is null) return ulong.MaxValue;
        ulong start = AlignUp(fit.Start, alignment);
        (ulong first, ulong end) = (fit.Start, fit.End);
        if (start == first && start + length < end)
        {
            // The usual case: the range loses its low end and keeps its place in the order.
            fit.Start += length;
            fit.Length -= length;
            Refresh(_root, fit);
            return start;
        }

        Remove(first);
        if (start > first) Add(new AddressRange(first, start - first));
        if (start + length < end) Add(new AddressRange(start + length, end - start - length));
        return start;
    }

    /// <summary>Makes a range free again: joined with both neighbours.</summary>
    internal void Give(ulong start, ulong length)
    {
        if (start > 0 && Find(start - 1) is { } before)
        {
            Remove(before.Start);
            (start, length) = (before.Start, before.Length + length);
        }

        if (Remove(start + length) is { } after) length += after.Length;
        Add(new AddressRange(start, length));
    }

    /// <summary>All ranges, lowest first.</summary>
    internal List<T> ToList<T>() where T : AddressRange
    {
        var list = new List<T>(Count);
        Collect(_root, list);
        return list;
    }

    /// <summary>The deepest path, for tests: what "balanced" comes to.</summary>
    internal int Depth => DepthOf(_root);

    /// <summary>Nodes that searches for a fit have looked at, for tests.</summary>
    internal long Visited { get; private set; }

    private AddressRange? LowestFit(ulong length)
    {
        AddressRange? node = _root;
        if (node is null || node.Longest < length) return null;
        while (true)
        {
            Visited++;
            if (node!.Left is { } left && left.Longest >= length) node = left;
            else if (node.Length >= length) return node;
            else node = node.Right;
        }
    }

    private AddressRange? FirstAligned(AddressRange? node, ulong length, ulong alignment)
    {
        if (node is null || node.Longest < length) return null;
        Visited++;
        if (FirstAligned(node.Left, length, alignment) is { } lower) return lower;
        ulong start = AlignUp(node.Start, alignment);
        if (start >= node.Start && start < node.End && node.End - start >= length) return node;
        return FirstAligned(node.Right, length, alignment);
    }

    private static ulong AlignUp(ulong page, ulong alignment) => (page + alignment - 1) & ~(alignment - 1);

    private static AddressRange? Remove(ref AddressRange? place, ulong start)
    {
        AddressRange? node = place;
        if (node is null) return null;
        if (node.Start == start)
        {
            place = Merge(node.Left, node.Right);
            return node;
        }

        AddressRange? removed = start < node.Start ? Remove(ref node.Left, start) : Remove(ref node.Right, start);
        node.Update();
        return removed;
    }

    /// <summary>Brings the path to a node up to date that became shorter.</summary>
    private static void Refresh(AddressRange? node, AddressRange changed)
    {
        if (node is null) return;
        if (node != changed) Refresh(changed.Start < node.Start ? node.Left : node.Right, changed);
        node.Update();
    }

    /// <summary>Left: all ranges that start below the place.</summary>
    private static void Split(AddressRange? node, ulong place, out AddressRange? left, out AddressRange? right)
    {
        if (node is null)
        {
            left = right = null;
        }
        else if (node.Start < place)
        {
            Split(node.Right, place, out node.Right, out right);
            node.Update();
            left = node;
        }
        else
        {
            Split(node.Left, place, out left, out node.Left);
            node.Update();
            right = node;
        }
    }

    private static AddressRange? Merge(AddressRange? left, AddressRange? right)
    {
        if (left is null) return right;
        if (right is null) return left;
        if (left.Priority >= right.Priority)
        {
            left.Right = Merge(left.Right, right);
            left.Update();
            return left;
        }

        right.Left = Merge(left, right.Left);
        right.Update();
        return right;
    }

    private static void Collect<T>(AddressRange? node, List<T> list) where T : AddressRange
    {
        if (node is null) return;
        Collect(node.Left, list);
        list.Add((T)node);
        Collect(node.Right, list);
    }

    private static int DepthOf(AddressRange? node) => node is null ? 0 : 1 + Math.Max(DepthOf(node.Left), DepthOf(node.Right));
}
