// Where the tool keeps what it builds: one folder for each PATH, outside the user's tree, so that nothing there changes and a second run is
// quick. A folder that was not used for a month is removed when the tool runs next.

using System.Security.Cryptography;
using System.Text;

namespace KAlloc.Tool.Build;

/// <summary>The cache folder of one PATH, held for this process alone until disposed.</summary>
internal sealed class BuildCache : IDisposable
{
    private const string LockName = "lock";
    private static readonly TimeSpan KeepFor = TimeSpan.FromDays(30);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _lock;

    private BuildCache(string folder, FileStream held)
    {
        Folder = folder;
        _lock = held;
    }

    internal string Folder { get; }

    /// <summary>Builds of the user's projects: kept between runs.</summary>
    internal string Artifacts => Path.Combine(Folder, "artifacts");

    /// <summary>What the compilers of this run reported: empty at its start.</summary>
    internal string Logs => Path.Combine(Folder, "logs");

    /// <summary>Opens the folder for <paramref name="userPath"/>, and waits for another run of the tool that holds it.</summary>
    internal static async Task<BuildCache> OpenAsync(string userPath, CancellationToken cancellationToken)
    {
        string root = Root();
        string folder = Path.Combine(root, FolderName(userPath));
        try
        {
            Directory.CreateDirectory(folder);
            RemoveUnused(root, folder);
            while (true)
            {
                try
                {
                    FileStream held = new(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                    BuildCache cache = new(folder, held);
                    cache.Prepare();
                    return cache;
                }
                catch (IOException) when (File.Exists(Path.Combine(folder, LockName)))
                {
                    await Task.Delay(LockRetry, cancellationToken);
                }
            }
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ToolException($"cannot write to the cache folder '{folder}': {e.Message} (set KALLOC_CACHE to another folder)");
        }
    }

    public void Dispose() => _lock.Dispose();

    internal void ClearLogs()
    {
        if (Directory.Exists(Logs)) Directory.Delete(Logs, recursive: true);
        Directory.CreateDirectory(Logs);
    }

    private void Prepare()
    {
        ClearLogs();
        Directory.SetLastWriteTimeUtc(Folder, DateTime.UtcNow);

        // MSBuild looks for these files from a project's folder upwards. An empty one keeps a gathered solution from finding a stranger's.
        File.WriteAllText(Path.Combine(Folder, "Directory.Build.props"), "<Project />");
        File.WriteAllText(Path.Combine(Folder, "Directory.Build.targets"), "<Project />");
    }

    private static string Root()
    {
        if (Environment.GetEnvironmentVariable("KALLOC_CACHE") is { Length: > 0 } chosen) return Path.GetFullPath(chosen);
        if (OperatingSystem.IsLinux())
        {
            string? xdg = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (!string.IsNullOrEmpty(xdg)) return Path.Combine(xdg, "kalloc");
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (home.Length > 0) return Path.Combine(home, ".cache", "kalloc");
        }

        string local = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return Path.Combine(local.Length > 0 ? local : Path.GetTempPath(), "kalloc", "cache");
    }

    private static string FolderName(string userPath)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(userPath));
        string name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(userPath));
        string safe = new([.. name.Where(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-').Take(40)]);
        return $"{safe}-{Convert.ToHexStringLower(hash.AsSpan(0, 6))}";
    }

    private static void RemoveUnused(string root, string current)
    {
        foreach (string folder in Directory.EnumerateDirectories(root))
        {
            if (folder == current || DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) < KeepFor) continue;
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another run may hold it or remove it at this moment; the next run tries again.
            }
        }
    }
}
