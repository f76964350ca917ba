// The C library's mtrace writes a line for each call, after the place of the call:
//
//   @ program:[0x911e] + 0x55862aeaa2a0 0x8     malloc, calloc and memalign alike: address, size
//   @ program:[0x911e] - 0x55862aeaa2a0         free
//   @ program:[0x911e] < 0x55862aeaa2a0         realloc: the old address, and in the next line
//   @ program:[0x911e] > 0x55862aeaa3b0 0x10    the new one and the size
//   @ program:[0x911e] ! 0x55862aeaa3b0 0x10    realloc failed
//
// A line that begins with '=' says that recording began or ended. Threads are not told apart.

using System.Globalization;

namespace KAlloc.Benchmarks.Replay;

/// <summary>Makes a trace of a log of <c>mtrace</c>.</summary>
internal sealed class MtraceLog
{
    private readonly string _file;
    private readonly TextWriter _output;
    private readonly Dictionary<ulong, int> _ids = [];
    private readonly PriorityQueue<int, int> _freeIds = new();
    private int _nextId;
    private int? _resized;
    private long _line;

    private MtraceLog(string file, TextWriter output) => (_file, _output) = (file, output);

    /// <summary>Events written.</summary>
    internal long Events { get; private set; }

    /// <summary>Frees and resizes of blocks from before the recording, left out or taken as allocations.</summary>
    internal long Unknown { get; private set; }

    /// <summary>Blocks that came a second time without a free between, as if freed: another thread's realloc is logged after the fact.</summary>
    internal long Returned { get; private set; }

    /// <exception cref="TraceException">A line is none of mtrace's.</exception>
    internal static MtraceLog Convert(string path, TextReader log, TextWriter output, string? about)
    {
        output.WriteLine(TraceFile.Header);
        foreach (string line in about?.Split('\n') ?? []) output.WriteLine($"# {line.TrimEnd()}");
        var converter = new MtraceLog(path, output);
        while (log.ReadLine() is { } line)
        {
            converter._line++;
            if (line.Length != 0 && line[0] != '=') converter.Take(line);
        }

        return converter._resized is null ? converter : throw converter.Wrong("the log ends within a realloc");
    }

    private void Take(string line)
    {
        // The place may have spaces in it, so the line is read from its end.
        string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (fields)
        {
            case [.., "-", var address]:
                Free(Number(address));
                break;
            case [.., "<", var address]:
                _resized = Forget(Number(address)) ?? -1;
                break;
            case [.., "+", var address, var size]:
                Write('m', Learn(Number(address), null), Number(size));
                break;
            case [.., ">", var address, var size]:
                if (_resized is not { } id) throw Wrong("'>' without a line with '<' before it");
                _resized = null;
                Write(id < 0 ? 'm' : 'r', Learn(Number(address), id < 0 ? null : id), Number(size));
                break;
            case [.., "!", _, _]:
                break;
            default:
                throw Wrong($"'{line}' is not a line of mtrace");
        }
    }

    private void Free(ulong address)
    {
        if (Forget(address) is not { } id) return;
        Write('f', id, null);
        _freeIds.Enqueue(id, id);
    }

    private int? Forget(ulong address)
    {
        if (_ids.Remove(address, out int id)) return id;
        Unknown++;
        return null;
    }

    /// <summary>The smallest number that no block has, so that the text compresses well.</summary>
    private int Learn(ulong address, int? id)
    {
        if (_ids.ContainsKey(address))
        {
            Returned++;
            Free(address);
        }

        int known = id ?? (_freeIds.TryDequeue(out int free, out _) ? free : _nextId++);
        _ids.Add(address, known);
        return known;
    }

    private void Write(char letter, int id, ulong? size)
    {
        _output.WriteLine(size is null ? $"{letter} {id}" : string.Create(CultureInfo.InvariantCulture, $"{letter} {id} {size}"));
        Events++;
    }

    private ulong Number(string field) =>
        ulong.TryParse(field.AsSpan(field.StartsWith("0x", StringComparison.Ordinal) ? 2 : 0), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number) ? number
            : throw Wrong($"'{field}' is not an address or a size");

    private TraceException Wrong(string message) => new(_file, _line, message);
}
