// What insmod and rmmod do: checks the file, takes memory for it, copies, relocates, runs its init function; and all of that backwards.
//
// The memory comes from vmalloc. A module is as large as it is, often hundreds of pages, and is loaded when the machine has run for long and free memory
// is in pieces: vmalloc needs as many frames, kmalloc would need them in a row.

using System.Runtime.CompilerServices;
using System.Text;
using KAlloc;
using static KAlloc.Linux;

namespace Modules;

internal unsafe struct module
{
    /// <summary>Code, data and bss.</summary>
    public byte* core;
    public uint core_size;
    public uint code_size;
    public uint exit;
    public fixed byte name[32];
}

internal static unsafe class ModuleLoader
{
    /// <summary>Larger files are refused: no module has a gigabyte.</summary>
    private const ulong MaxCore = 256 << 20;

    /// <summary>Loads a file and runs its init function.</summary>
    /// <returns>0, or a negative error number; then nothing is left of it.</returns>
    [ProcessContext]
    internal static int load_module(byte* file, nuint length, out module* loaded)
    {
        loaded = null;
        int err = check(file, length);
        if (err != 0) return err;
        var header = (module_header*)file;
        uint file_size = header->code_size + header->data_size;

        module* mod = kzalloc<module>(GFP_KERNEL);
        if (mod == null) return -ENOMEM;
        mod->core_size = file_size + header->bss_size;
        mod->code_size = header->code_size;
        mod->exit = header->exit;
        memcpy(mod->name, header->name, symbol.NameBytes);

        // Zeroed: the bss is.
        mod->core = (byte*)vzalloc(mod->core_size);
        if (mod->core == null)
        {
            err = -ENOMEM;
            goto free_module;
        }

        memcpy(mod->core, file + sizeof(module_header), file_size);
        err = relocate(mod, file);
        if (err != 0) goto free_core;
        err = (int)Processor.Run(mod, header->init);
        if (err != 0) goto free_core;
        loaded = mod;
        return 0;

    free_core:
        vfree(mod->core);
    free_module:
        kfree(mod);
        return err;
    }

    /// <summary>Runs the exit function and gives the module's memory back.</summary>
    [ProcessContext]
    internal static void delete_module([Consumes] module* mod)
    {
        Processor.Run(mod, mod->exit);
        vfree(mod->core);
        kfree(mod);
    }

    internal static string NameOf([Borrows] module* mod) => Encoding.UTF8.GetString(mod->name, (int)strlen(mod->name));

    /// <summary>Everything in the file that later steps rely on. The sums are in 64 bits: sizes of a hostile file must not wrap.</summary>
    private static int check([Borrows] byte* file, nuint length)
    {
        if (length < (nuint)sizeof(module_header)) return -ENOEXEC;
        var header = (module_header*)file;
        ulong core = (ulong)header->code_size + header->data_size + header->bss_size;
        ulong needed = (ulong)sizeof(module_header) + header->code_size + header->data_size
            + ((ulong)header->relocations * (ulong)sizeof(relocation)) + ((ulong)header->symbols * (ulong)sizeof(symbol));
        bool ends = header->name[symbol.NameBytes - 1] == 0;
        return header->magic == module_header.Magic && needed == length && core <= MaxCore && ends && header->init < header->code_size && header->exit < header->code_size ? 0 : -ENOEXEC;
    }

    /// <summary>Writes the addresses that are known only now.</summary>
    private static int relocate([Borrows] module* mod, [Borrows] byte* file)
    {
        var header = (module_header*)file;
        uint file_size = header->code_size + header->data_size;
        byte* place = file + sizeof(module_header) + file_size;
        byte* names = place + ((nuint)header->relocations * (nuint)sizeof(relocation));
        for (uint i = 0; i < header->relocations; i++, place += sizeof(relocation))
        {
            // The tables follow code of any length: nothing in them is aligned.
            var entry = Unsafe.ReadUnaligned<relocation>(place);
            if (entry.offset > file_size - Math.Min(file_size, (uint)sizeof(ulong))) return -ENOEXEC;
            ulong address;
            if (entry.type == relocation_type.Module && entry.value < mod->core_size)
            {
                address = (ulong)mod->core + entry.value;
            }
            else if (entry.type == relocation_type.Kernel && entry.value < header->symbols)
            {
                address = (ulong)KernelSymbols.Find(new ReadOnlySpan<byte>(names + (entry.value * (ulong)sizeof(symbol)), symbol.NameBytes));
                if (address == 0) return -ENOENT;
            }
            else
            {
                return -ENOEXEC;
            }

            Unsafe.WriteUnaligned(mod->core + entry.offset, address);
        }

        return 0;
    }
}
