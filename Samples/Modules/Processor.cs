// Runs a module where it lies: the instruction pointer and all addresses are real ones, as relocation has left them.

using System.Runtime.CompilerServices;
using static KAlloc.Linux;

namespace Modules;

internal static unsafe class Processor
{
    private const int StackSlots = 16;
    private const long MaxSteps = 50_000_000;

    /// <summary>Runs a function of the module and returns its result; -EFAULT if it leaves its code or its memory, -ELOOP if it does not end.</summary>
    internal static long Run(module* mod, uint function)
    {
        long* stack = stackalloc long[StackSlots];
        int top = 0;
        byte* ip = mod->core + function;
        for (long step = 0; step < MaxSteps; step++)
        {
            if ((nuint)(ip - mod->core) >= mod->code_size) return -EFAULT;
            var code = (opcode)(*ip);
            (int pops, int pushes, bool hasOperand) = Effect(code);
            if (pops > top || top - pops + pushes > StackSlots || (nuint)(ip - mod->core) + (hasOperand ? 9u : 1u) > mod->code_size) return -EFAULT;
            long operand = hasOperand ? Unsafe.ReadUnaligned<long>(ip + 1) : 0;
            ip += hasOperand ? 9 : 1;
            long* first = stack + top - pops;
            top += pushes - pops;
            switch (code)
            {
                case opcode.Return: return first[0];
                case opcode.Push: first[0] = operand; break;
                case opcode.Add: first[0] += first[1]; break;
                case opcode.Subtract: first[0] -= first[1]; break;
                case opcode.Multiply: first[0] *= first[1]; break;
                case opcode.JumpIfNotZero: ip = first[0] != 0 ? (byte*)operand : ip; break;
                case opcode.Call:
                    if (!KernelSymbols.IsExported((nuint)operand)) return -EFAULT;
                    first[0] = ((delegate*<long, long>)operand)(first[0]);
                    break;
                default:
                    long index = code is opcode.LoadElement ? first[0] : code is opcode.StoreElement ? first[1] : 0;
                    byte* at = (byte*)operand + (index * sizeof(long));
                    var offset = (nuint)(at - mod->core);
                    if (offset > mod->core_size || mod->core_size - offset < sizeof(long)) return -EFAULT;
                    if (code is opcode.Load or opcode.LoadElement) first[0] = Unsafe.ReadUnaligned<long>(at);
                    else Unsafe.WriteUnaligned(at, first[0]);
                    break;
            }
        }

        return -ELOOP;
    }

    /// <summary>What an instruction takes from the stack and leaves there. An unknown one takes more than there can be.</summary>
    private static (int Pops, int Pushes, bool HasOperand) Effect(opcode code) => code switch
    {
        opcode.Return => (1, 0, false),
        opcode.Push or opcode.Load => (0, 1, true),
        opcode.Store or opcode.JumpIfNotZero => (1, 0, true),
        opcode.LoadElement or opcode.Call => (1, 1, true),
        opcode.StoreElement => (2, 0, true),
        opcode.Add or opcode.Subtract or opcode.Multiply => (2, 1, false),
        _ => (StackSlots + 1, 0, false),
    };
}
