using System.Collections.Concurrent;
using System.Text;

namespace KAlloc;

/// <summary>Who allocated or freed an object, and when (the kernel's <c>struct track</c>). Lies behind the object.</summary>
internal struct Track
{
    /// <summary>Stacks by number: the same few come again and again.</summary>
    private static readonly ConcurrentDictionary<string, int> s_numbers = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<int, string> s_stacks = [];

    private int _stack;
    private int _cpu;
    private int _task;
    private long _milliseconds;

    /// <summary>Remembers the caller.</summary>
    internal unsafe void Set()
    {
        string trace = ContextReport.CallTrace();
        _stack = s_numbers.GetOrAdd(trace, static text =>
        {
            int number = s_stacks.Count + 1;
            while (!s_stacks.TryAdd(number, text)) number++;
            return number;
        });
        _cpu = CpuBlocks.Current->Execution.Cpu;
        _task = (int)ContextReport.TaskId;
        _milliseconds = Environment.TickCount64;
    }

    /// <summary>Adds a line with who it was and how long ago, in milliseconds, and the callers.</summary>
    internal readonly void AppendTo(StringBuilder text, string what)
    {
        if (_stack == 0 || !s_stacks.TryGetValue(_stack, out string? trace)) return;

        // Whose call it was, not which.
        ReadOnlySpan<string> callers = trace.Split("\n ").AsSpan(1);
        while (callers.Length > 1 && callers[0].StartsWith("KAlloc.Linux.", StringComparison.Ordinal)) callers = callers[1..];
        text.Append($"\n{what} in {(callers.IsEmpty ? "an unknown place" : callers[0])} age={Environment.TickCount64 - _milliseconds} cpu={_cpu} pid={_task}");
        for (int i = 1; i < callers.Length; i++) text.Append("\n ").Append(callers[i]);
    }
}
