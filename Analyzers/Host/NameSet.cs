// A set of names that is asked of every file: contract members, what registers a handler, what makes code atomic. Compilation after compilation it is
// the same one, so equal sets are one object, and a file remembers what it answered (TreeScan.MentionsAny): a keystroke then costs a comparison a file.
//
// Invariant: a set does not change once it is here. Held weakly; strings only, nothing of a compilation.

namespace KAlloc.Analyzers.Host;

internal sealed class NameSet
{
    /// <summary>An editor has a few projects open that see different contracts, and asks a few sets of each.</summary>
    private const int Remembered = 16;

    private static readonly LinkedList<WeakReference<NameSet>> Known = new();

    private NameSet(HashSet<string> names) => Names = names;

    internal HashSet<string> Names { get; }

    /// <summary>The one set of these names. The caller leaves <paramref name="names"/> alone from now on.</summary>
    internal static NameSet Of(HashSet<string> names)
    {
        lock (Known)
        {
            LinkedListNode<WeakReference<NameSet>>? next;
            for (LinkedListNode<WeakReference<NameSet>>? node = Known.First; node is not null; node = next)
            {
                next = node.Next;
                bool isAlive = node.Value.TryGetTarget(out NameSet? known), isAsked = isAlive && known!.Names.Count == names.Count && known.Names.SetEquals(names);
                if (isAlive && !isAsked) continue;
                Known.Remove(node);
                if (!isAsked) continue;

                // The last that was asked for is the last to be forgotten.
                Known.AddFirst(node);
                return known!;
            }

            var set = new NameSet(names);
            Known.AddFirst(new WeakReference<NameSet>(set));
            if (Known.Count > Remembered) Known.RemoveLast();
            return set;
        }
    }
}
