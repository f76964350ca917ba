// Writes repaired files, and can put the old ones back to the last byte.

namespace KAlloc.Tool.Fix;

/// <summary>A set of files that changes together or not at all.</summary>
internal sealed class FileTransaction
{
    private readonly List<(string Path, byte[] Bytes)> _originals = [];

    internal void Write(IReadOnlyList<ChangedFile> files)
    {
        try
        {
            foreach (ChangedFile file in files)
            {
                byte[] original = File.ReadAllBytes(file.Path);
                byte[] known = SourceFile.ToBytes(file.Before.ToString(), file.Before.Encoding!);
                if (!original.AsSpan().SequenceEqual(known)) throw new ToolException($"'{file.Path}' was changed by someone else meanwhile; nothing was written");
                _originals.Add((file.Path, original));
                File.WriteAllBytes(file.Path, SourceFile.ToBytes(file.After, file.Before.Encoding!));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Restore();
            throw new ToolException($"cannot write the repaired files: {e.Message}; nothing was changed");
        }
        catch (ToolException)
        {
            Restore();
            throw;
        }
    }

    internal void Restore()
    {
        foreach ((string path, byte[] bytes) in _originals) File.WriteAllBytes(path, bytes);
        _originals.Clear();
    }
}
