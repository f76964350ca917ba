// One question: finds the components of the calls below a body, callees first. Tarjan's algorithm over the calls in bodies, without recursion of its own, gives each
// method after everything it calls. So no result depends on which body was asked for first.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Host;

internal sealed class CallSearch(BodyResults results, Compilation compilation, Demand demand, bool isReversed, CancellationToken cancellation)
{
    private readonly Dictionary<ISymbol, Node> _nodes = new(SymbolEqualityComparer.Default);
    private readonly Stack<Node> _component = new();

    private sealed class Node(ComponentMember member, int index, Node? caller)
    {
        internal ComponentMember Member { get; } = member;
        internal Node? Caller { get; } = caller;
        internal int Index { get; } = index;
        internal int Low { get; set; } = index;
        internal bool IsOpen { get; set; } = true;
        internal int Next { get; set; }

        /// <summary>It will be walked: it acts by contract, or moves pointers for one that will be. (What acts through its callees alone shows when they are done.)</summary>
        internal bool IsNeeded { get; init; }
    }

    /// <param name="body">Where the search begins.</param>
    /// <param name="calls">What it calls.</param>
    /// <param name="isNeeded">Its summary is wanted, even if it only moves pointers.</param>
    internal BodyComponent Run(in Body body, BodyCalls? calls, bool isNeeded)
    {
        Node root = Open(body, calls, null, isNeeded);
        Node? node = root;
        while (node is not null)
        {
            cancellation.ThrowIfCancellationRequested();
            node = node.Next < node.Member.Callees.Count ? Descend(node, NextCallee(node)) : Close(node);
        }

        return results.Known(root.Member.Body.Root)!;
    }

    private IMethodSymbol NextCallee(Node node)
    {
        int index = node.Next++;
        return node.Member.Callees[isReversed ? node.Member.Callees.Count - 1 - index : index];
    }

    private Node Descend(Node node, IMethodSymbol callee)
    {
        if (_nodes.TryGetValue(callee, out Node? seen))
        {
            if (seen.IsOpen) node.Low = Math.Min(node.Low, seen.Index);
            return node;
        }

        if (results.Known(callee) is not null || Bodies.Of(callee, compilation, cancellation) is not { } body) return node;
        return Open(body, BodyCalls.Of(body, compilation, cancellation), node, node.IsNeeded && (node.Member.Acts || !node.Member.IsLarge));
    }

    private Node Open(in Body body, BodyCalls? calls, Node? caller, bool isNeeded)
    {
        var member = new ComponentMember(body, calls, demand, cancellation);
        var node = new Node(member, _nodes.Count, caller) { IsNeeded = member.Acts || (isNeeded && member.MovesPointers) };
        _nodes.Add(body.Root, node);
        _component.Push(node);
        return node;
    }

    /// <summary>All callees are known. The first of a component to be opened is the last to be closed.</summary>
    private Node? Close(Node node)
    {
        if (node.Caller is { } caller) caller.Low = Math.Min(caller.Low, node.Low);
        if (node.Low != node.Index) return node.Caller;
        var nodes = new List<Node>();
        do nodes.Add(_component.Pop());
        while (!ReferenceEquals(nodes[nodes.Count - 1], node));
        foreach (Node one in nodes) one.IsOpen = false;
        Found(nodes);
        return node.Caller;
    }

    private void Found(List<Node> nodes)
    {
        List<ComponentMember> members = nodes.ConvertAll(static node => node.Member);
        bool isCircle = members.Count > 1 || members[0].Callees.Exists(callee => SymbolEqualityComparer.Default.Equals(callee, members[0].Body.Root));
        foreach (ComponentMember member in members) member.Interest = results.InterestOf(member, cancellation);
        var found = new BodyComponent(members, isCircle);
        bool isWalked = found.Interest == Interest.Effects || (found.Interest == Interest.Pointers && nodes.Exists(static node => node.IsNeeded));
        if (found.Interest == Interest.None)
        {
            foreach (ComponentMember member in members) found.Results.Add(member.Body.Root, Flow.BodyResult.Skipped);
            found.Complete();
        }
        else if (!isWalked)
        {
            foreach (ComponentMember member in members) member.Calls = null;
        }

        BodyComponent component = results.Register(found);
        if (isWalked) results.EnsureWalked(component, cancellation);
    }
}
