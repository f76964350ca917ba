// Failures on purpose, so that a program's way out of a lack of memory is walked before it is needed.
//
// The kernel's rule, in its order: the first Space bytes pass; then every Interval-th request is a candidate; of these Probability percent fail, Times
// in all. Requests that may not fail never do.
// Cost: only requests that go to the slab, or to the page allocator, each time are asked, and they read one number; the hit paths know nothing of it.
// Kernel concept: lib/fault-inject.c, mm/failslab.c, mm/fail_page_alloc.c; the properties are the files of its directory in debugfs.

namespace KAlloc;

/// <summary>When requests are made to fail (the kernel's <c>struct fault_attr</c>). May be changed at any time, from any thread.</summary>
public sealed class FaultInjection
{
    [ThreadStatic]
    private static bool t_makeItFail;

    private readonly string _name;
    private readonly Lock _lock = new();
    private Random _random = Random.Shared;
    private volatile int _probability;
    private long _count;

    internal FaultInjection(string name) => _name = name;

    /// <summary>Percent of the candidates that fail, 0..100 (<c>probability</c>). 0, the default: none.</summary>
    public int Probability
    {
        get => _probability;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 100);
            _probability = value;
        }
    }

    /// <summary>Every how many-th request is a candidate (<c>interval</c>); 1, the default: each.</summary>
    public int Interval { get; set; } = 1;

    /// <summary>How many requests may still fail (<c>times</c>): 1 by default; -1: no limit. Each failure takes one off.</summary>
    public int Times { get; set; } = 1;

    /// <summary>Bytes, for pages their number, that may still be asked for before the first failure (<c>space</c>).</summary>
    public long Space { get; set; }

    /// <summary>Whether each failure is reported (<c>verbose</c>), unless the request has <see cref="GfpFlags.NoWarn"/>. On by default.</summary>
    public bool Verbose { get; set; } = true;

    /// <summary>Whether requests that may wait, those with <see cref="GfpFlags.DirectReclaim"/>, are spared (<c>ignore-gfp-wait</c>). On by default.</summary>
    public bool IgnoreGfpWait { get; set; } = true;

    /// <summary>Pages only: requests below this order are spared (<c>min-order</c>): 1 by default.</summary>
    public int MinOrder { get; set; } = 1;

    /// <summary>Pages only: whether requests with <see cref="GfpFlags.HighMem"/> are spared (<c>ignore-gfp-highmem</c>). On by default.</summary>
    public bool IgnoreGfpHighMem { get; set; } = true;

    /// <summary>Objects only: whether only caches with <see cref="SlabFlags.FailSlab"/> fail (<c>cache-filter</c>).</summary>
    public bool CacheFilter { get; set; }

    /// <summary>Whether only threads fail that set <see cref="MakeItFail"/> (<c>task-filter</c>).</summary>
    public bool TaskFilter { get; set; }

    /// <summary>Marks the running thread for <see cref="TaskFilter"/> (<c>/proc/self/make-it-fail</c>).</summary>
    public static bool MakeItFail
    {
        get => t_makeItFail;
        set => t_makeItFail = value;
    }

    /// <summary>Requests that were made to fail so far.</summary>
    public long Failures { get; private set; }

    /// <summary>Makes the choice of <see cref="Probability"/> repeatable.</summary>
    /// <param name="seed">The same seed and the same requests fail alike.</param>
    public void Seed(int seed)
    {
        lock (_lock)
        {
            _random = new Random(seed);
            _count = 0;
        }
    }

    /// <summary>Sets <see cref="Interval"/>, <see cref="Probability"/>, <see cref="Space"/> and <see cref="Times"/> from the text of the kernel's boot parameter.</summary>
    /// <param name="attributes">The four numbers with commas between them: <c>1,10,0,-1</c>.</param>
    /// <exception cref="FormatException">It is not that.</exception>
    public void Parse(string attributes)
    {
        ArgumentNullException.ThrowIfNull(attributes);
        string[] parts = attributes.Split(',');
        var numbers = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts.Length != 4 || !int.TryParse(parts[i], out numbers[i]))
                throw new FormatException($"{_name} is '{attributes}', not <interval>,<probability>,<space>,<times>.");
        }

        if (numbers[1] is < 0 or > 100) throw new FormatException($"{_name} is '{attributes}': the probability is not in 0..100.");
        (Interval, Space, Times) = (numbers[0], numbers[2], numbers[3]);
        Probability = numbers[1];
    }

    /// <summary>Whether any request can fail: all that is asked while none is to.</summary>
    internal bool IsOn => _probability != 0;

    /// <summary>Whether this request for pages is to fail.</summary>
    internal bool ShouldFailPages(int order, GfpFlags flags) =>
        order >= MinOrder && (uint)order <= PhysicalMemory.MaxOrder && (!IgnoreGfpHighMem || (flags & GfpFlags.HighMem) == 0) && ShouldFail(1u << order, flags);

    /// <summary>Whether this request is to fail.</summary>
    internal bool ShouldFail(uint size, GfpFlags flags)
    {
        if (!IsOn || (flags & GfpFlags.NoFail) != 0 || (IgnoreGfpWait && (flags & GfpFlags.DirectReclaim) != 0)) return false;
        if (TaskFilter && !t_makeItFail) return false;
        lock (_lock)
        {
            if (Times == 0) return false;
            if (Space > size)
            {
                Space -= size;
                return false;
            }

            if (Interval > 1 && ++_count % Interval != 0) return false;
            if (_probability <= _random.Next(100)) return false;
            if (Times > 0) Times--;
            Failures++;
        }

        if (Verbose && (flags & GfpFlags.NoWarn) == 0)
            KernelReports.Info($"FAULT_INJECTION: forcing a failure.\nname {_name}, interval {Interval}, probability {_probability}, space {Space}, times {Times}{ContextReport.CallTrace()}");
        return true;
    }
}
