// The free ranges of an address range, in pages: a treap ordered by start, each node knowing the longest range below it.
//
//            [40..90) max 50
//           /               \                Take(n): go left while something there is long enough: the lowest address that fits
//   [0..10) max 10     [120..130) max 10     Give: joined with both neighbours, so ranges never touch
//
// Invariant: ranges are disjoint and do not touch. Cost: O(log n). Kernel concept: the free vmap area tree, subtree_max_size.

namespace KAlloc;

internal sealed class RangeTree
{
    private Node? _root;
    private uint _random = 0x9E3779B9;

    internal RangeTree(ulong length) => _root = new Node(0, length, 0);

    /// <summary>The lowest range of a length; <see cref="ulong.MaxValue"/> if there is none.</summary>
    internal ulong Take(ulong length) => _root is null || _root.Max < length ? ulong.MaxValue : Take(ref _root, length);

    /// <summary>Makes a range free again.</summary>
    internal void Give(ulong start, ulong length)
    {
        Split(_root, start, out Node? left, out Node? right);
        if (Last(left) is { } before && before.Start + before.Length == start)
        {
            start = before.Start;
            length += before.Length;
            Split(left, before.Start, out left, out _);
        }

        if (First(right) is { } after && after.Start == start + length)
        {
            length += after.Length;
            Split(right, after.Start + 1, out _, out right);
        }

        _random = (_random * 1664525) + 1013904223;
        _root = Merge(Merge(left, new Node(start, length, _random)), right);
    }

    /// <summary>All free ranges, lowest first.</summary>
    internal List<(ulong Start, ulong Length)> ToList()
    {
        var list = new List<(ulong, ulong)>();
        Collect(_root, list);
        return list;
    }

    private static ulong Take(ref Node? place, ulong length)
    {
        Node node = place!;
        ulong start;
        if (node.Left is not null && node.Left.Max >= length)
        {
            start = Take(ref node.Left, length);
        }
        else if (node.Length >= length)
        {
            start = node.Start;
            node.Start += length;
            node.Length -= length;
            if (node.Length == 0)
            {
                place = Merge(node.Left, node.Right);
                return start;
            }
        }
        else
        {
            start = Take(ref node.Right, length);
        }

        node.Update();
        return start;
    }

    /// <summary>Left: all ranges that start below the place.</summary>
    private static void Split(Node? node, ulong place, out Node? left, out Node? right)
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

    private static Node? Merge(Node? left, Node? right)
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

    private static Node? First(Node? node)
    {
        while (node?.Left is not null) node = node.Left;
        return node;
    }

    private static Node? Last(Node? node)
    {
        while (node?.Right is not null) node = node.Right;
        return node;
    }

    private static void Collect(Node? node, List<(ulong, ulong)> list)
    {
        if (node is null) return;
        Collect(node.Left, list);
        list.Add((node.Start, node.Length));
        Collect(node.Right, list);
    }

    private sealed class Node(ulong start, ulong length, uint priority)
    {
        internal ulong Start = start, Length = length, Max = length;
        internal readonly uint Priority = priority;
        internal Node? Left, Right;

        internal void Update() => Max = Math.Max(Length, Math.Max(Left?.Max ?? 0, Right?.Max ?? 0));
    }
}
