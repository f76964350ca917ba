// The file of a loadable module, and what the machine in it understands.
//
//   | header | code | data | relocations | symbols |        in memory: | code | data | bss |, one range
//
// Code and data hold addresses: the compiler of the file does not know where the module will lie, so each such place is zero and has a relocation.

namespace Modules;

internal unsafe struct module_header
{
    internal const uint Magic = 0x444f4d4b; // "KMOD"

    public uint magic;
    public uint code_size;
    public uint data_size;

    /// <summary>Zeroed memory behind the data: not in the file.</summary>
    public uint bss_size;
    public uint relocations;
    public uint symbols;

    /// <summary>Offsets of the functions that run at loading and at unloading.</summary>
    public uint init;
    public uint exit;
    public fixed byte name[32];
}

internal enum relocation_type : uint
{
    /// <summary>The address of a place in the module: <c>value</c> is its offset.</summary>
    Module,

    /// <summary>The address of a function of the kernel: <c>value</c> is the index of its name.</summary>
    Kernel,
}

internal struct relocation
{
    /// <summary>Where in code and data the eight bytes of the address are.</summary>
    public uint offset;
    public relocation_type type;
    public ulong value;
}

internal unsafe struct symbol
{
    internal const int NameBytes = 32;

    public fixed byte name[NameBytes];
}

/// <summary>Instructions of a stack machine: a byte, and eight more where an operand is named.</summary>
internal enum opcode : byte
{
    /// <summary>Ends the function; the top of the stack is its result.</summary>
    Return,

    /// <summary>Pushes the operand.</summary>
    Push,

    /// <summary>Pushes what is at the address.</summary>
    Load,

    /// <summary>Pops to the address.</summary>
    Store,

    /// <summary>Pops an index and pushes that element of the array at the address.</summary>
    LoadElement,

    /// <summary>Pops an index, then a value, and stores it there.</summary>
    StoreElement,

    Add,
    Subtract,
    Multiply,

    /// <summary>Pops and goes to the address unless that was zero.</summary>
    JumpIfNotZero,

    /// <summary>Pops an argument, calls the kernel's function at the address and pushes its result.</summary>
    Call,
}
