using System.Runtime.InteropServices;
using System.Text;

namespace Modules;

/// <summary>Writes module files: the assembler and linker of this sample.</summary>
internal sealed class ModuleFile(string name)
{
    private readonly List<byte> _code = [];
    private readonly List<(relocation Entry, bool InBss)> _relocations = [];
    private readonly List<string> _symbols = [];

    internal uint BssSize { get; set; }
    internal uint Exit { get; set; }

    /// <summary>Offset of the next instruction.</summary>
    internal uint Here => (uint)_code.Count;

    /// <summary>An instruction with a number, or without operand.</summary>
    internal ModuleFile Add(opcode code, long? operand = null)
    {
        _code.Add((byte)code);
        if (operand is { } value) _code.AddRange(BitConverter.GetBytes(value));
        return this;
    }

    /// <summary>An instruction with the address of code.</summary>
    internal ModuleFile AddCodeAddress(opcode code, uint offset) => AddAddress(code, relocation_type.Module, offset);

    /// <summary>An instruction with an address in the bss, which begins where the code ends: known when the file is written.</summary>
    internal ModuleFile AddBssAddress(opcode code, uint offset) => AddAddress(code, relocation_type.Module, offset, inBss: true);

    /// <summary>An instruction with the address of a function of the kernel.</summary>
    internal ModuleFile AddKernelAddress(opcode code, string symbolName)
    {
        _symbols.Add(symbolName);
        return AddAddress(code, relocation_type.Kernel, (ulong)_symbols.Count - 1);
    }

    internal unsafe byte[] ToArray()
    {
        var header = new module_header
        {
            magic = module_header.Magic, code_size = Here, data_size = 0, bss_size = BssSize,
            relocations = (uint)_relocations.Count, symbols = (uint)_symbols.Count, init = 0, exit = Exit,
        };
        Encoding.UTF8.GetBytes(name, new Span<byte>(header.name, symbol.NameBytes - 1));
        var file = new List<byte>();
        file.AddRange(MemoryMarshal.AsBytes(new ReadOnlySpan<module_header>(in header)));
        file.AddRange(_code);
        foreach ((relocation entry, bool inBss) in _relocations)
        {
            relocation resolved = entry;
            if (inBss) resolved.value += Here;
            file.AddRange(MemoryMarshal.AsBytes(new ReadOnlySpan<relocation>(in resolved)));
        }

        foreach (string text in _symbols)
        {
            byte[] padded = new byte[symbol.NameBytes];
            Encoding.UTF8.GetBytes(text, padded);
            file.AddRange(padded);
        }

        return [.. file];
    }

    private ModuleFile AddAddress(opcode code, relocation_type type, ulong value, bool inBss = false)
    {
        _relocations.Add((new relocation { offset = Here + 1, type = type, value = value }, inBss));
        return Add(code, 0);
    }
}
