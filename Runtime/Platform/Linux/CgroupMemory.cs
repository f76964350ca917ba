// How much memory the container that the process runs in may use.
//
//   v2   /proc/self/cgroup "0::/path"            memory.max of that group and of each above it; "max": no limit
//   v1   /proc/self/cgroup "N:...memory...:/path" memory/path/memory.limit_in_bytes; a huge number: no limit
//
// Read once, at boot. A file that is missing or says nothing is no limit. Kernel concept: memory cgroup.

using System.Globalization;

namespace KAlloc;

internal static class CgroupMemory
{
    /// <summary>The least limit that holds for the process, or <see cref="ulong.MaxValue"/>.</summary>
    /// <param name="root">Where the file system begins: a test has one of its own.</param>
    internal static ulong Limit(string root = "/")
    {
        ulong limit = ulong.MaxValue;
        foreach (string line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            // number:controllers:path
            string[] parts = line.Split(':', 3);
            if (parts.Length != 3) continue;
            bool v2 = parts[1].Length == 0;
            if (!v2 && !parts[1].Split(',').Contains("memory")) continue;
            string mount = Path.Combine(root, v2 ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
            string file = v2 ? "memory.max" : "memory.limit_in_bytes";
            for (string path = parts[2].Trim('/'); ; path = Path.GetDirectoryName(path) ?? "")
            {
                limit = Math.Min(limit, Number(Path.Combine(mount, path, file)));
                if (path.Length == 0) break;
            }
        }

        return limit;
    }

    /// <summary>Bytes of memory that the machine has, or 0 if that is not known.</summary>
    internal static ulong Machine(string root = "/")
    {
        foreach (string line in Lines(Path.Combine(root, "proc/meminfo")))
        {
            if (!line.StartsWith("MemTotal:", StringComparison.Ordinal)) continue;
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 1 && ulong.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong kilobytes)) return kilobytes << 10;
        }

        return 0;
    }

    private static ulong Number(string file)
    {
        foreach (string line in Lines(file))
        {
            // Version 1 writes the largest multiple of a page for "no limit".
            if (ulong.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out ulong bytes)) return bytes > long.MaxValue / 2 ? ulong.MaxValue : bytes;
        }

        return ulong.MaxValue;
    }

    private static IEnumerable<string> Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
