using System.IO.Compression;

namespace KAlloc.Benchmarks.Replay;

/// <summary>Text files, compressed or not.</summary>
internal static class TraceFile
{
    /// <summary>What a trace begins with.</summary>
    internal const string Header = "kalloc-trace 1";

    /// <summary>Opens text; what gzip made is known by its first two bytes.</summary>
    internal static StreamReader Open(string path)
    {
        FileStream file = File.OpenRead(path);
        bool compressed = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        return new(compressed ? new GZipStream(file, CompressionMode.Decompress) : file);
    }

    /// <summary>Creates text, compressed if the name ends in <c>.gz</c>.</summary>
    internal static StreamWriter Create(string path)
    {
        FileStream file = File.Create(path);
        return new(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.SmallestSize) : file) { NewLine = "\n" };
    }
}
