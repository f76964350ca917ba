// The end of a request for which there is no memory: an event, then what the system's policy says.
//
// Only requests that may wait, may enter file systems and are of order 3 or less get here, as only they wake the kernel's OOM killer: others fail.
// There is no process to kill here. The callback is the place to drop a tenant or a cache; it runs with the reserves open to it.
// Cost: nothing is allocated, unless somebody listens or the report is due (one in ten seconds). Kernel concept: __alloc_pages_may_oom, out_of_memory.

using System.Diagnostics;

namespace KAlloc;

/// <summary>What a request does when there is no memory left and reclaim found none.</summary>
public enum OutOfMemoryPolicy
{
    /// <summary>It fails: null from the kernel's names, <see cref="OutOfMemoryException"/> from the .NET names.</summary>
    ReturnNull,

    /// <summary>It throws <see cref="OutOfMemoryException"/>, from the kernel's names too.</summary>
    Throw,

    /// <summary>It calls <c>KernelMemoryOptions.OutOfMemoryCallback</c>, and tries again if that says so.</summary>
    Callback,
}

/// <summary>A request for which there is no memory.</summary>
public sealed class OutOfMemoryInfo
{
    private readonly PageAllocator _pages;

    internal OutOfMemoryInfo(PageAllocator pages, GfpFlags flags, int order)
    {
        _pages = pages;
        Flags = flags;
        Order = order;
    }

    /// <summary>The request's flags.</summary>
    public GfpFlags Flags { get; }

    /// <summary>The request's order: it wanted 2^order pages.</summary>
    public int Order { get; }

    /// <summary>What the memory holds, in the shape of the kernel's report. Built when called.</summary>
    /// <returns>Several lines.</returns>
    public string Dump() =>
        $"{ContextReport.TaskName} invoked oom-killer: gfp_mask=0x{(uint)Flags:x}({Flags.Format()}), order={Order}, oom_score_adj=0\n{MemoryDump.Of(_pages)}";
}

internal sealed unsafe partial class PageAllocator
{
    /// <summary>A callback that says again and again that it freed memory, and did not, is not believed for ever.</summary>
    private const int MaxCallbackRetries = 16;

    private readonly Lock _oomLock = new();
    private long _lastFailureReport = long.MinValue / 2;
    private int _callbackRetries;

    private readonly OutOfMemoryPolicy _outOfMemory;
    private readonly Func<OutOfMemoryInfo, bool>? _outOfMemoryCallback;

    /// <summary>Told when memory is out, before the policy is applied.</summary>
    internal event Action<OutOfMemoryInfo>? OutOfMemoryReached;

    /// <summary>Times that memory was out.</summary>
    internal long OutOfMemoryCount { get; private set; }

    /// <summary>Applies the policy; true: try again.</summary>
    private bool OutOfMemory(CpuBlock* block, GfpFlags flags, int order, int type)
    {
        if (order > CostlyOrder || (flags & (GfpFlags.RetryMayFail | GfpFlags.ThisNode)) != 0 || (flags & GfpFlags.Fs) == 0 || type < (int)ZoneType.Normal) return false;

        // One at a time: what it frees will do for the others too.
        if (!_oomLock.TryEnter())
        {
            Thread.Sleep(1);
            return true;
        }

        block->MemAllocDepth++;
        block->CallbackOf = (nuint)_map;
        try
        {
            OutOfMemoryCount++;
            bool ask = _outOfMemory == OutOfMemoryPolicy.Callback && _outOfMemoryCallback is not null;
            if (OutOfMemoryReached is null && !ask && _outOfMemory != OutOfMemoryPolicy.Throw) return false;
            var info = new OutOfMemoryInfo(this, flags, order);
            OutOfMemoryReached?.Invoke(info);
            if (ask && _callbackRetries < MaxCallbackRetries && _outOfMemoryCallback!(info))
            {
                _callbackRetries++;
                return true;
            }

            if (_outOfMemory == OutOfMemoryPolicy.Throw && (flags & GfpFlags.NoFail) == 0)
                throw new OutOfMemoryException($"KAlloc has no {_memory.PageSize << order} bytes: order:{order}, mode:0x{(uint)flags:x}({flags.Format()})");
            return false;
        }
        finally
        {
            block->MemAllocDepth--;
            block->CallbackOf = 0;
            _oomLock.Exit();
        }
    }

    /// <summary>The kernel's warn_alloc, at most once in ten seconds.</summary>
    private void ReportFailure(GfpFlags flags, int order)
    {
        if ((flags & GfpFlags.NoWarn) != 0) return;
        long now = Stopwatch.GetTimestamp();
        long last = Volatile.Read(ref _lastFailureReport);
        if (now - last < 10 * Stopwatch.Frequency || Interlocked.CompareExchange(ref _lastFailureReport, now, last) != last) return;
        KernelReports.Warn($"{ContextReport.TaskName}: page allocation failure: order:{order}, mode:0x{(uint)flags:x}({flags.Format()}), nodemask=(null)\n{MemoryDump.Of(this)}");
    }
}
