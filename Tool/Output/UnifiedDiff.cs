// A unified diff that `patch` and `git apply` take: it keeps carriage returns, and says where the last line has no line end.

using DiffPlex;
using DiffPlex.Chunkers;
using DiffPlex.Model;

namespace KAlloc.Tool.Output;

/// <summary>Makes the lines of a unified diff.</summary>
internal static class UnifiedDiff
{
    private const int Context = 3;
    private const string NoLineEnd = "\\ No newline at end of file";

    /// <summary>The lines of a unified diff from <paramref name="before"/> to <paramref name="after"/>, without their line ends.</summary>
    internal static IEnumerable<string> Lines(string file, string before, string after)
    {
        string name = file.Replace('\\', '/');
        DiffResult diff = Differ.Instance.CreateDiffs(before, after, ignoreWhiteSpace: false, ignoreCase: false, new CustomFunctionChunker(TextLines.Split));
        yield return $"--- a/{name}";
        yield return $"+++ b/{name}";
        foreach (List<DiffBlock> hunk in Hunks(diff.DiffBlocks))
        {
            foreach (string line in Hunk(diff, hunk)) yield return line;
        }
    }

    // Blocks whose context would overlap share a hunk.
    private static IEnumerable<List<DiffBlock>> Hunks(IEnumerable<DiffBlock> blocks)
    {
        List<DiffBlock> hunk = [];
        foreach (DiffBlock block in blocks)
        {
            if (hunk.Count > 0 && block.DeleteStartA - (hunk[^1].DeleteStartA + hunk[^1].DeleteCountA) > 2 * Context)
            {
                yield return hunk;
                hunk = [];
            }

            hunk.Add(block);
        }

        if (hunk.Count > 0) yield return hunk;
    }

    private static IEnumerable<string> Hunk(DiffResult diff, List<DiffBlock> blocks)
    {
        int startA = Math.Max(0, blocks[0].DeleteStartA - Context), startB = Math.Max(0, blocks[0].InsertStartB - Context);
        int endA = Math.Min(diff.PiecesOld.Count, blocks[^1].DeleteStartA + blocks[^1].DeleteCountA + Context);
        int countA = endA - startA, countB = countA + blocks.Sum(b => b.InsertCountB - b.DeleteCountA);
        yield return $"@@ -{Range(startA, countA)} +{Range(startB, countB)} @@";

        int a = startA;
        foreach (DiffBlock block in blocks)
        {
            for (; a < block.DeleteStartA; a++)
                foreach (string line in Line(' ', diff.PiecesOld[a])) yield return line;
            for (; a < block.DeleteStartA + block.DeleteCountA; a++)
                foreach (string line in Line('-', diff.PiecesOld[a])) yield return line;
            for (int b = block.InsertStartB; b < block.InsertStartB + block.InsertCountB; b++)
                foreach (string line in Line('+', diff.PiecesNew[b])) yield return line;
        }

        for (; a < endA; a++)
            foreach (string line in Line(' ', diff.PiecesOld[a])) yield return line;
    }

    private static string Range(int start, int count) => count == 1 ? $"{start + 1}" : $"{(count == 0 ? start : start + 1)},{count}";

    private static IEnumerable<string> Line(char kind, string piece)
    {
        yield return kind + (piece.EndsWith('\n') ? piece[..^1] : piece);
        if (!piece.EndsWith('\n')) yield return NoLineEnd;
    }
}
