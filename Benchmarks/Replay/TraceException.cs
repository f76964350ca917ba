namespace KAlloc.Benchmarks.Replay;

/// <summary>A file is not what it should be. The message names file and line.</summary>
internal sealed class TraceException(string file, long line, string message) : Exception($"{file}({line}): {message}");
