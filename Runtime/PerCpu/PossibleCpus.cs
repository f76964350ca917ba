namespace KAlloc;

/// <summary>The numbers of all CPUs, those whose thread has ended included: for <c>foreach</c>. The kernel's <c>for_each_possible_cpu</c>.</summary>
/// <remarks>A CPU is a thread that has entered KAlloc; its number goes to the next new thread after it has ended. CPUs that appear during the loop are met too.</remarks>
public readonly struct PossibleCpus
{
    /// <summary>How many there are now: the numbers run from 0 to one below.</summary>
    public static int Count => CpuBlocks.Count;

    /// <summary>Starts the loop. The running thread is a CPU from here on.</summary>
    /// <returns>The enumerator.</returns>
    public unsafe Enumerator GetEnumerator()
    {
        _ = CpuBlocks.Current;
        return new();
    }

    /// <summary>One turn of the loop.</summary>
    public struct Enumerator
    {
        private int _next;

        /// <summary>The CPU's number.</summary>
        public readonly int Current => _next - 1;

        /// <summary>Goes on to the next CPU.</summary>
        /// <returns>Whether there is one.</returns>
        public bool MoveNext() => _next++ < CpuBlocks.Count;
    }
}
