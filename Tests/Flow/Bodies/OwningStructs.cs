// Structs that own memory, kept where a loop or an object frees them: in arrays, in fields, in properties.

unsafe struct Text : IDisposable
{
    public Text(string? from)
    {
        if (from is null)
        {
            Length = 0;
            Bytes = null;
            return;
        }

        Length = from.Length;
        Bytes = (byte*)NativeMemory.Alloc((nuint)Length + 1);
        Bytes[Length] = 0;
    }

    public int Length { get; private set; }

    public byte* Bytes { get; private set; }

    public void Dispose()
    {
        if (Bytes == null) return;
        NativeMemory.Free(Bytes);
        Bytes = null;
        Length = 0;
    }

    public static implicit operator byte*(in Text text) => text.Bytes;
}

/// <summary>A texts' array in a struct that frees them.</summary>
unsafe ref struct Texts
{
    private Text[]? _all;

    public Texts(ReadOnlySpan<string> from)
    {
        if (from.Length == 0)
        {
            _all = null;
            return;
        }

        _all = new Text[from.Length];
        for (int i = 0; i < from.Length; i++) _all[i] = new Text(from[i]);
    }

    public readonly void Fill(byte** to)
    {
        if (_all is null) return;
        for (int i = 0; i < _all.Length; i++) to[i] = _all[i];
    }

    public void Dispose()
    {
        if (_all is null) return;
        for (int i = 0; i < _all.Length; i++) _all[i].Dispose();
        _all = null;
    }
}

/// <summary>The same, and shown.</summary>
unsafe ref struct ShownTexts
{
    private Text[]? _all;

    public ShownTexts(ReadOnlySpan<string> from)
    {
        if (from.Length == 0)
        {
            _all = null;
        }
        else
        {
            _all = new Text[from.Length];
            for (var i = 0; i < from.Length; i++)
            {
                _all[i] = new Text(from[i]);
            }
        }
    }

    public readonly ReadOnlySpan<Text> All => _all;

    public readonly void Fill(byte** to)
    {
        if (_all != null)
        {
            for (var i = 0; i < _all.Length; i++)
            {
                to[i] = All[i];
            }
        }
    }

    public void Dispose()
    {
        if (_all != null)
        {
            for (var i = 0; i < _all.Length; i++)
            {
                _all[i].Dispose();
            }

            _all = null;
        }
    }
}

unsafe sealed class TextTable : IDisposable
{
    private readonly Text[] _all;

    public TextTable(string[] from)
    {
        _all = new Text[from.Length];
        for (int i = 0; i < _all.Length; i++) _all[i] = new Text(from[i]);
    }

    public void Dispose()
    {
        foreach (ref Text text in _all.AsSpan()) text.Dispose();
    }
}

unsafe sealed class TwoTexts(string first, string second) : IDisposable
{
    private readonly Text[] _both = [new Text(first), new Text(second)];

    public void Dispose()
    {
        foreach (Text text in _both) text.Dispose();
    }
}

struct Settings { public int Version; public nint Address; public nint Name; }

class SettingsOwner : IDisposable
{
    private bool _disposed;

    public SettingsOwner() : this(default) { }

    public SettingsOwner(Settings settings) => Settings = settings;

    public Settings Settings { get; private set; }

    protected virtual void Dispose(bool disposing)
    {
        if (_disposed) return;
        Marshal.FreeHGlobal(Settings.Address);
        _disposed = true;
    }

    public void Dispose() => Dispose(true);
}

sealed class SettingsBox { public Settings Settings { get; set; } public Settings Field; }

unsafe class Bodies
{
    static extern int Use(byte* one, byte** all, int count);
    static extern bool Ask();

    static int ArrayInAStruct(string name, ReadOnlySpan<string> arguments)
    {
        using var first = new Text(name);
        using var all = new Texts(arguments);
        byte** pointers = stackalloc byte*[arguments.Length];
        all.Fill(pointers);
        return Use(first, pointers, arguments.Length);
    }

    static bool ShownArrayInAStruct(string name, ReadOnlySpan<string> arguments, ReadOnlySpan<Settings> settings, out Settings last)
    {
        using var first = new Text(name);
        using var all = new ShownTexts(arguments);
        fixed (Settings* each = settings)
        fixed (Settings* end = &last)
        {
            var pointers = stackalloc byte*[arguments.Length];
            all.Fill(pointers);
            return Use(first, pointers, arguments.Length) == 0;
        }
    }

    static void ArrayInAnObject(string[] names)
    {
        using var table = new TextTable(names);
        Ask();
    }

    static void ArrayOfTwo()
    {
        using var both = new TwoTexts("a", "b");
        Ask();
    }

    static void ArrayOfOwn(string[] names)
    {
        var texts = new Text[names.Length];
        for (int i = 0; i < names.Length; i++) texts[i] = new Text(names[i]);
        Ask();
        for (int i = 0; i < names.Length; i++) texts[i].Dispose();
    }

    static void ArrayOfOwnBackwards(string[] names)
    {
        var texts = new Text[names.Length];
        int made = 0;
        while (made < names.Length) texts[made++] = new Text("a");
        while (made-- > 0) texts[made].Dispose();
    }

    static void OneOfTwoLost()
    {
        Text[] texts = [new Text("a"), new Text("b")];
        texts[0].Dispose();
    } // expect: KA4001

    static void OneLost()
    {
        var text = new Text("a");
        Ask();
    } // expect: KA4001

    static Settings Make(int size) => new() { Version = 1, Address = Marshal.AllocHGlobal(size) };

    static bool StructInAProperty(int size)
    {
        using var owner = new SettingsOwner(Make(size));
        Settings copy = owner.Settings;
        return Look(copy);
    }

    static void StructInAPropertyLost(int size)
    {
        var owner = new SettingsBox { Settings = Make(size) };
        Ask();
    } // expect: KA4001

    static void StructInAPropertyFreed(int size)
    {
        var owner = new SettingsBox { Settings = Make(size) };
        Marshal.FreeHGlobal(owner.Settings.Address);
    }

    static void StructInAPropertyFreedTwice(int size)
    {
        var owner = new SettingsBox { Settings = Make(size) };
        Settings copy = owner.Settings;
        Marshal.FreeHGlobal(owner.Settings.Address);
        Marshal.FreeHGlobal(copy.Address); // expect: KA4005
    }

    static void StructInAFieldFreed(int size)
    {
        var owner = new SettingsBox { Field = Make(size) };
        Marshal.FreeHGlobal(owner.Field.Address);
    }

    static void StructInOthersProperty(SettingsBox box, int size) => box.Settings = Make(size);

    static void StructAssigned(SettingsBox box, int size)
    {
        Settings settings = Make(size);
        settings.Name = Marshal.AllocHGlobal(size);
        box.Settings = settings;
    }

    static bool Look(Settings settings) => settings.Version > 0;
}
