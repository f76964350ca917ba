// Structs that own memory, kept in collections that free them, or do not.

struct Settings { public int Version; public nint Address; public nint Name; }

sealed class Attributes : IDisposable
{
    private readonly Dictionary<string, Entry> _entries = new();
    private readonly List<Entry> _list = [];
    private readonly Stack<Entry> _stack = new();
    private Entry _last;

    private readonly struct Entry(nint memory, uint size, string? text)
    {
        public readonly nint Memory = memory;
        public readonly uint Size = size;
        public readonly string? Text = text;
    }

    public unsafe int Set(string key, nint data, uint size)
    {
        nint buffer = 0;
        if (size > 0)
        {
            buffer = (nint)NativeMemory.Alloc(size);
            if (data != 0) Buffer.MemoryCopy((void*)data, (void*)buffer, size, size);
        }

        Replace(key, new Entry(buffer, size, null));
        return 0;
    }

    private unsafe void Replace(string key, Entry entry)
    {
        if (_entries.TryGetValue(key, out Entry old) && old.Memory != 0) NativeMemory.Free((void*)old.Memory);
        _entries[key] = entry;
    }

    public unsafe void Append(uint size) => Keep(new Entry((nint)NativeMemory.Alloc(size), size, null));

    private void Keep(Entry entry) => _list.Add(entry);

    public unsafe void Push(uint size) => KeepToo(new Entry((nint)NativeMemory.Alloc(size), size, null));

    private void KeepToo(in Entry entry)
    {
        if (entry.Size > 0) _stack.Push(entry);
        else Free(entry);
    }

    public unsafe void Last(uint size) => KeepLast(new Entry((nint)NativeMemory.Alloc(size), size, null));

    private void KeepLast(Entry entry)
    {
        Free(_last);
        _last = entry;
    }

    private static unsafe void Free(Entry entry) => NativeMemory.Free((void*)entry.Memory);

    public void Dispose()
    {
        foreach (Entry entry in _entries.Values) Free(entry);
        foreach (Entry entry in _list) Free(entry);
        while (_stack.TryPop(out Entry entry)) Free(entry);
        Free(_last);
    }
}

readonly record struct Named(string Name, nint Memory);

struct Automatic
{
    public int Kind { get; init; }
    public nint Memory { get; init; }
    public string? Name { get; init; }
}

readonly struct Captured(int kind, nint memory)
{
    public int Kind => kind;
    public nint Take() => memory;
}

struct Wide
{
    public nint A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z;
}

static class Registry
{
    private static readonly List<Wide> s_all = [];
    private static readonly Dictionary<int, Settings> s_settings = [];
    private static readonly Queue<Settings> s_queue = new();

    private static readonly Dictionary<string, Named> s_named = [];
    private static readonly Dictionary<int, Automatic> s_automatic = [];
    private static readonly Dictionary<int, Captured> s_captured = [];

    internal static void Add(Wide wide) => s_all.Add(wide);
    internal static void Add(Named named) => s_named[named.Name] = named;
    internal static void Add(int key, Automatic automatic) => s_automatic[key] = automatic;
    internal static void Add(int key, Captured captured) => s_captured[key] = captured;
    internal static void Add(int key, Settings settings) => s_settings[key] = settings;
    internal static void AddIn(int key, in Settings settings) => s_settings.Add(key, settings);
    internal static unsafe void AddFrom(Settings* settings) => s_queue.Enqueue(*settings);
    internal static void AddPart(Settings settings) => s_settings[1] = new Settings { Address = settings.Address };
    internal static void AddTuple((int Key, Settings Settings) pair) => s_settings[pair.Key] = pair.Settings;
    internal static bool Look(Settings settings) => settings.Version > 0;
}

unsafe class Bodies
{
    static extern bool Ask();

    static Settings Make(int size) => new() { Version = 1, Address = Marshal.AllocHGlobal(size) };

    static void InACollection(int size)
    {
        Registry.Add(1, Make(size));
        Registry.AddIn(2, Make(size));
        Settings settings = Make(size);
        Registry.AddFrom(&settings);
        Registry.AddPart(Make(size));
        Registry.AddTuple((3, Make(size)));
    }

    static void WideInACollection() => Registry.Add(new Wide { N = Marshal.AllocHGlobal(8) });

    static void OtherStructsInACollection(int size)
    {
        Registry.Add(new Named("a", Marshal.AllocHGlobal(size)));
        Registry.Add(4, new Automatic { Kind = 1, Memory = Marshal.AllocHGlobal(size) });
        Registry.Add(5, new Captured(2, Marshal.AllocHGlobal(size)));
    }

    static void OtherStructsLost(int size)
    {
        var automatic = new Automatic { Kind = 1, Memory = Marshal.AllocHGlobal(size) };
        Ask();
    } // expect: KA4001

    static void CapturedLost(int size)
    {
        var captured = new Captured(2, Marshal.AllocHGlobal(size));
        Ask();
    } // expect: KA4001

    static void OnlyLookedAt(int size)
    {
        Settings settings = Make(size);
        Registry.Look(settings);
    } // expect: KA4001

    static void PartNotKept(int size)
    {
        Settings settings = Make(size);
        settings.Name = Marshal.AllocHGlobal(size);
        Registry.AddPart(settings);
    } // expect: KA4001

    static void InADictionaryOfOwn(int size)
    {
        var all = new Dictionary<int, Settings> { [1] = Make(size) };
        all.Add(2, Make(size));
        all[3] = Make(size);
        foreach (Settings settings in all.Values) Marshal.FreeHGlobal(settings.Address);
    }

    static void InAListOfTuples(int size)
    {
        var all = new List<(int Key, nint Memory)>();
        for (int i = 0; i < 4; i++) all.Add((i, Marshal.AllocHGlobal(size)));
        foreach ((int key, nint memory) in all) Marshal.FreeHGlobal(memory);
    }

    static void InATuple(int size)
    {
        (int Key, nint Memory) pair = (1, Marshal.AllocHGlobal(size));
        var all = new List<(int Key, nint Memory)> { pair };
        Marshal.FreeHGlobal(all[0].Memory);
    }

    static void InARecord(int size)
    {
        var pair = new Pair(1, Marshal.AllocHGlobal(size));
        var all = new HashSet<Pair> { pair };
        foreach (Pair each in all) Marshal.FreeHGlobal(each.Memory);
    }

    readonly record struct Pair(int Key, nint Memory);
}
