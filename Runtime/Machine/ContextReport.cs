// The words in which a context report names the thread and the place: "name/pid" as the kernel prints a task, and the callers outside KAlloc.
// Cost: reports only. Kernel concept: current->comm, task_pid_nr, dump_stack.

using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace KAlloc;

/// <summary>Parts of report texts that name a thread or a place.</summary>
internal static unsafe class ContextReport
{
    /// <summary>The thread's name; a thread without one has the name of the process, as in the kernel.</summary>
    internal static string TaskName => Thread.CurrentThread.Name ?? s_processName;

    /// <summary>The number that reports call pid: the managed thread's id, by which a debugger finds it.</summary>
    internal static int TaskId => Environment.CurrentManagedThreadId;

    /// <summary><c>name/pid</c>.</summary>
    internal static string Task => $"{TaskName}/{TaskId}";

    private static readonly string s_processName = AppDomain.CurrentDomain.FriendlyName;

    /// <summary>The locks that the thread holds, as lockdep lists them; empty if none.</summary>
    internal static string HeldLocks(CpuBlock* block)
    {
        int count = block->Execution.HeldLockCount;
        if (count == 0) return "";
        var text = new StringBuilder();
        text.Append('\n').Append(count).Append(count == 1 ? " lock" : " locks").Append(" held by ").Append(Task).Append(':');
        for (int i = 0; i < Math.Min(count, ExecutionState.MaxHeldLocks); i++)
        {
            int id = block->Execution.HeldLocks[i];
            text.Append("\n #").Append(i).Append(": lock ").Append(Math.Abs(id)).Append(id < 0 ? " (read)" : "");
        }

        return text.ToString();
    }

    /// <summary>The innermost caller outside this assembly, as <see cref="CallTrace"/> names it.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "A frame whose method was trimmed away is passed over.")]
    internal static string FirstCaller()
    {
        foreach (StackFrame frame in new StackTrace(1, fNeedFileInfo: false).GetFrames())
        {
            System.Reflection.MethodBase? method = frame.GetMethod();
            if (method is not null && method.Module.Assembly != typeof(ContextReport).Assembly)
                return $"{method.DeclaringType?.FullName}.{method.Name}+0x{frame.GetILOffset():x}";
        }

        return "an unknown place";
    }

    /// <summary>Up to eight callers outside this assembly, innermost first, in the shape of the kernel's call trace.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "A frame whose method was trimmed away is left out of the trace.")]
    internal static string CallTrace()
    {
        var text = new StringBuilder("\nCall Trace:");
        int lines = 0;
        foreach (StackFrame frame in new StackTrace(1, fNeedFileInfo: false).GetFrames())
        {
            System.Reflection.MethodBase? method = frame.GetMethod();
            if (method is null || method.Module.Assembly == typeof(ContextReport).Assembly && lines == 0 && method.DeclaringType != typeof(Linux)) continue;
            text.Append("\n ").Append(method.DeclaringType?.FullName).Append('.').Append(method.Name).Append("+0x").Append(frame.GetILOffset().ToString("x"));
            if (++lines == 8) break;
        }

        return text.ToString();
    }
}
