using System.Globalization;
using System.Numerics;

namespace KAlloc.Benchmarks.Replay;

/// <summary>Reads and checks a trace. A file that breaks a rule is refused whole, with the line.</summary>
internal sealed class TraceReader
{
    private readonly string _file;
    private readonly Dictionary<ulong, Block> _live = [];
    private readonly List<TraceEvent> _events = [];
    private readonly List<int> _hugeBlocks = [];
    private readonly Stack<int> _freeSlots = new();
    private readonly Dictionary<ulong, byte> _threads = [];
    private long _line;
    private int _slots;
    private byte _thread;
    private long _bytes, _peak;

    private TraceReader(string file) => _file = file;

    /// <param name="path">The file, as text or compressed with gzip.</param>
    /// <param name="limit">So many events at the most; what is live then is freed.</param>
    /// <exception cref="TraceException">It is not a trace.</exception>
    internal static Trace Read(string path, int limit = int.MaxValue)
    {
        using StreamReader text = TraceFile.Open(path);
        return Read(path, text, limit);
    }

    internal static Trace Read(string path, TextReader text, int limit = int.MaxValue)
    {
        var reader = new TraceReader(path);
        try
        {
            reader.ReadAll(text, limit);
        }
        catch (InvalidDataException broken)
        {
            throw reader.Wrong(broken.Message);
        }

        return reader.Finish();
    }

    private void ReadAll(TextReader text, int limit)
    {
        _line = 1;
        string? header = text.ReadLine();
        if (header != TraceFile.Header)
        {
            throw Wrong(header is "= Start" ? "a log of mtrace: make a trace of it with 'convert' first"
                : $"not a trace: the first line must be '{TraceFile.Header}'");
        }

        while (_events.Count < limit && text.ReadLine() is { } line)
        {
            _line++;
            if (line.Length != 0 && line[0] != '#') Take(line);
        }
    }

    private void Take(string line)
    {
        string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string letter = fields.Length == 0 ? "" : fields[0];
        switch (letter)
        {
            case "m" or "c":
                Expect(fields, "ID SIZE");
                Allocate((TraceKind)letter[0], Number(fields[1]), Size(fields[2]), 0);
                break;
            case "a":
                Expect(fields, "ID SIZE ALIGNMENT");
                Allocate(TraceKind.AllocateAligned, Number(fields[1]), Size(fields[2]), Alignment(fields[3]));
                break;
            case "r":
                Expect(fields, "ID SIZE");
                Resize(Number(fields[1]), Size(fields[2]));
                break;
            case "f":
                Expect(fields, "ID");
                Free(Number(fields[1]));
                break;
            case "t":
                Expect(fields, "THREAD");
                ulong thread = Number(fields[1]);
                if (!_threads.TryGetValue(thread, out _thread)) _threads.Add(thread, _thread = (byte)Math.Min(_threads.Count, byte.MaxValue));
                break;
            default:
                throw Wrong($"'{line}': an event begins with m, c, a, r, f or t");
        }
    }

    private void Allocate(TraceKind kind, ulong id, uint size, byte alignmentLog2)
    {
        if (!_freeSlots.TryPop(out int slot)) slot = _slots++;
        if (!_live.TryAdd(id, new(_events.Count, slot, size, alignmentLog2))) throw Wrong($"block {id} is allocated already");
        if (size > Trace.LargestPlain) _hugeBlocks.Add(_events.Count);
        Add(new() { Kind = kind, Slot = slot, Size = size, AlignmentLog2 = alignmentLog2 });
    }

    private void Resize(ulong id, uint size)
    {
        if (size == 0) throw Wrong("a block cannot be resized to 0 bytes, for allocators differ in what that means: 'f' frees it");
        Block block = Find(id);
        _live[id] = block with { Size = size };
        if (size > Trace.LargestPlain) _hugeBlocks.Add(block.Event);
        Add(new() { Kind = TraceKind.Resize, Slot = block.Slot, Size = size, OldSize = block.Size, AlignmentLog2 = block.AlignmentLog2 });
    }

    private void Free(ulong id)
    {
        Block block = Find(id);
        _live.Remove(id);
        _freeSlots.Push(block.Slot);
        Add(new() { Kind = TraceKind.Free, Slot = block.Slot, OldSize = block.Size, AlignmentLog2 = block.AlignmentLog2 });
    }

    private Block Find(ulong id) => _live.TryGetValue(id, out Block block) ? block : throw Wrong($"block {id} is not allocated here");

    private void Add(TraceEvent e)
    {
        if (_threads.Count == 0) _threads.Add(0, 0);
        _events.Add(e with { Thread = _thread });
        _bytes += (long)e.Size - e.OldSize;
        _peak = Math.Max(_peak, _bytes);
    }

    private Trace Finish()
    {
        int own = _events.Count;
        if (own == 0) throw Wrong("a trace without an event");
        foreach (ulong id in _live.OrderBy(pair => pair.Value.Event).Select(pair => pair.Key).ToList()) Free(id);
        return new()
        {
            Name = Path.GetFileName(_file).Split('.')[0], Events = MarkHuge(), Slots = _slots, PeakLive = _peak, LeftOver = _events.Count - own, Threads = _threads.Count,
        };
    }

    private TraceEvent[] MarkHuge()
    {
        TraceEvent[] events = [.. _events];
        var huge = new HashSet<int>(_hugeBlocks);
        bool[] slots = new bool[_slots];
        for (int i = 0; i < events.Length && huge.Count != 0; i++)
        {
            ref TraceEvent e = ref events[i];
            if (e.Kind is not (TraceKind.Resize or TraceKind.Free)) slots[e.Slot] = huge.Contains(i);
            e = e with { IsHuge = slots[e.Slot] };
        }

        return events;
    }

    private void Expect(string[] fields, string form)
    {
        if (fields.Length != form.Count(c => c == ' ') + 2) throw Wrong($"'{string.Join(' ', fields)}' is not '{fields[0]} {form}'");
    }

    private uint Size(string field)
    {
        ulong size = Number(field);
        return size <= int.MaxValue ? (uint)size : throw Wrong($"{size} bytes: a block may have up to {int.MaxValue}");
    }

    private byte Alignment(string field)
    {
        ulong alignment = Number(field);
        return BitOperations.IsPow2(alignment) && alignment <= Trace.LargestPlain ? (byte)BitOperations.Log2(alignment)
            : throw Wrong($"alignment {alignment} is not a power of two up to {Trace.LargestPlain}");
    }

    private ulong Number(string field) => ulong.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number
        : throw Wrong($"'{field}' is not a number from 0 to {ulong.MaxValue}");

    private TraceException Wrong(string message) => new(_file, _line, message);

    /// <param name="Event">Index of the event that allocated it.</param>
    /// <param name="Slot">Where it is kept.</param>
    /// <param name="Size">Its bytes now.</param>
    /// <param name="AlignmentLog2">What it was asked for with.</param>
    private readonly record struct Block(int Event, int Slot, uint Size, byte AlignmentLog2);
}
