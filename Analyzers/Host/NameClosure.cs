// The names that lead to a contract: of contract members, of methods whose bodies name one of those, and so on. From syntax alone; each file's part is
// cached with its tree, so that a keystroke costs one file and this union.

namespace KAlloc.Analyzers.Host;

internal static class NameClosure
{
    /// <summary>A name that more declarations share says too little about what a call of it runs.</summary>
    private const int MaximalDeclarations = 8;

    internal static HashSet<string> Of(List<TreeScan> scans, HashSet<string> contracts, CancellationToken cancellation)
    {
        var names = new HashSet<string>(contracts);
        if (!scans.Exists(scan => names.Overlaps(scan.Identifiers))) return names;
        var declarations = new Dictionary<string, int>();
        foreach (TreeScan scan in scans)
            foreach (DeclaredBody body in scan.Bodies(cancellation))
                declarations[body.Name] = declarations.TryGetValue(body.Name, out int count) ? count + 1 : 1;

        var frontier = new HashSet<string>(names);
        var reached = new HashSet<DeclaredBody>();
        while (frontier.Count > 0)
        {
            var next = new HashSet<string>();
            foreach (TreeScan scan in scans)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!frontier.Overlaps(scan.Identifiers)) continue;
                foreach (DeclaredBody body in scan.Bodies(cancellation))
                {
                    if (reached.Contains(body) || !Names(body, frontier)) continue;
                    reached.Add(body);
                    if (declarations[body.Name] <= MaximalDeclarations && names.Add(body.Name)) next.Add(body.Name);
                }
            }

            frontier = next;
        }

        return names;
    }

    private static bool Names(DeclaredBody body, HashSet<string> frontier)
    {
        foreach (string identifier in body.Identifiers)
            if (frontier.Contains(identifier)) return true;
        return false;
    }
}
