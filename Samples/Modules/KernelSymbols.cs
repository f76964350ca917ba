namespace Modules;

/// <summary>The functions that the kernel exports to modules: EXPORT_SYMBOL.</summary>
internal static unsafe class KernelSymbols
{
    /// <summary>What modules have printed.</summary>
    internal static List<long> Printed { get; } = [];

    /// <summary>The address of a function by its name, which is padded with zeros; 0 if there is none.</summary>
    internal static nuint Find(ReadOnlySpan<byte> name)
    {
        int length = name.IndexOf((byte)0);
        name = length < 0 ? name : name[..length];
        if (name.SequenceEqual("print_number"u8)) return (nuint)(delegate*<long, long>)&PrintNumber;
        return name.SequenceEqual("is_even"u8) ? (nuint)(delegate*<long, long>)&IsEven : 0;
    }

    /// <summary>Whether a function may be called by modules.</summary>
    internal static bool IsExported(nuint address) => address == (nuint)(delegate*<long, long>)&PrintNumber || address == (nuint)(delegate*<long, long>)&IsEven;

    private static long PrintNumber(long value)
    {
        Console.WriteLine($"  module says {value}");
        Printed.Add(value);
        return 0;
    }

    private static long IsEven(long value) => value % 2 == 0 ? 1 : 0;
}
