// The buffers of Kestrel's connections from native memory, given back when the server is idle.
//
//   connection ── Pipe ── Rent(4096) ── KernelMemoryPool ── kmalloc-4k        a pool for each that asks: a transport, a queue of sockets
//
//   every IdleInterval:   used = the most that was rented since the last look     held = the most since memory was last given back
//                         used <= held / 2   ->   GiveBack: sheaves, slabs, page blocks, operating system
//
// A steady load never pays for eviction: the next one comes only after use has halved again. Free buffers also lie in the sheaves of threads that sleep;
// those come back when the thread works again or ends. The thread pool ends a thread that had nothing to do for 20 s, so eviction goes on for 30.
// Invariant: what is rented is never touched; a disposed pool is forgotten once its last buffer is back.
// Cost: nothing for a rent but the pool's own counters; a look is a sum over the pools.

using System.Buffers;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Connections;

namespace KAlloc.AspNetCore;

/// <summary>Makes the pools of native memory that Kestrel's connections read into and write from. All members may be used from any thread.</summary>
/// <remarks>Registered by <see cref="Microsoft.Extensions.DependencyInjection.KernelMemoryPoolServices.AddKernelMemoryPool"/>.</remarks>
public sealed class KernelMemoryPoolFactory : IMemoryPoolFactory<byte>, IDisposable
{
    /// <summary>How long each look evicts after use has fallen: longer than the thread pool keeps an idle thread.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly List<Entry> _pools = [];
    private readonly KernelMemory _memory;
    private readonly bool _track;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Meter _meter;
    private long _held;
    private long _evictions;
    private ulong _evictedBytes;
    private long _fell;
    private bool _settling;
    private bool _disposed;

    /// <summary>A factory.</summary>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="time">Whose timer looks for idle memory; null: the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The interval is not positive.</exception>
    public KernelMemoryPoolFactory(KernelMemoryPoolOptions? options = null, TimeProvider? time = null)
    {
        options ??= new();
        if (options.IdleInterval != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.IdleInterval, TimeSpan.Zero, nameof(options));
        _memory = options.Memory ?? KernelMemory.Default;
        _track = options.Track;
        _meter = new(MeterName);
        _meter.CreateObservableUpDownCounter("kalloc.memory_pool.rented", Rented, "By", "Bytes rented by connections.");
        _meter.CreateObservableCounter("kalloc.memory_pool.evicted", () => (long)EvictedBytes, "By", "Bytes given back to the operating system by eviction.");
        _time = time ?? TimeProvider.System;
        _timer = _time.CreateTimer(static state => ((KernelMemoryPoolFactory)state!).Look(), this, options.IdleInterval, options.IdleInterval);
    }

    /// <summary>Name of the meter with <c>kalloc.memory_pool.rented</c> (bytes, by <c>kalloc.memory_pool.owner</c>) and <c>kalloc.memory_pool.evicted</c>.</summary>
    public const string MeterName = "KAlloc.AspNetCore";

    /// <summary>Buffers that are rented from the pools of this factory.</summary>
    public long RentedBuffers => Sum(static pool => pool.RentedBuffers);

    /// <summary>Bytes of these buffers.</summary>
    public long RentedBytes => Sum(static pool => pool.RentedBytes);

    /// <summary>How often memory was given back because use had fallen.</summary>
    public long Evictions => Volatile.Read(ref _evictions);

    /// <summary>Bytes that went back to the operating system so.</summary>
    public ulong EvictedBytes => Volatile.Read(ref _evictedBytes);

    /// <summary>Makes a pool. Its user disposes it; buffers that are out then stay valid.</summary>
    /// <param name="options">Who asks, for the meter; null: nobody in particular.</param>
    /// <returns>A <see cref="KernelMemoryPool"/>.</returns>
    /// <exception cref="ObjectDisposedException">The factory is disposed.</exception>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        KernelMemoryPool pool = _memory.CreateBufferPool(_track);
        lock (_lock) _pools.Add(new(pool, options?.Owner));
        return pool;
    }

    /// <summary>
    /// The buffers that were not given back, as <see cref="KernelMemoryPool.LeakReport"/> of each pool says it. Lines name the place of the rent if
    /// <see cref="KernelMemoryPoolOptions.Track"/> is on.
    /// </summary>
    /// <returns>The text; empty if every buffer was given back.</returns>
    public string LeakReport()
    {
        lock (_lock) return string.Concat(_pools.Select(entry => entry.Pool.LeakReport()));
    }

    /// <summary>Ends looking for idle memory. Pools and buffers stay valid.</summary>
    public void Dispose()
    {
        _disposed = true;
        _timer.Dispose();
        _meter.Dispose();
    }

    private void Look()
    {
        long used = 0;
        lock (_lock)
        {
            foreach (Entry entry in _pools) used += entry.Pool.TakePeak();
            _pools.RemoveAll(static entry => entry.Pool is { IsDisposed: true, RentedBuffers: 0 });
            if (_held != 0 && used <= _held / 2)
            {
                _held = used;
                _fell = _time.GetTimestamp();
                _settling = true;
                _evictions++;
            }
            else if (used > _held)
            {
                _held = used;
                _settling = false;
            }
            else if (_settling)
            {
                _settling = _time.GetElapsedTime(_fell) < s_settling;
            }

            if (!_settling) return;
        }

        Evict();
    }

    private void Evict()
    {
        ulong before = _memory.GivenBackBytes;
        try
        {
            _memory.GiveBack();
        }
        catch (KernelBugException)
        {
            // Damage that another did, found on the way and reported already: the thread of a timer must not end the server for it.
        }

        Interlocked.Add(ref _evictedBytes, _memory.GivenBackBytes - before);
    }

    private long Sum(Func<KernelMemoryPool, long> figure)
    {
        long sum = 0;
        lock (_lock)
        {
            foreach (Entry entry in _pools) sum += figure(entry.Pool);
        }

        return sum;
    }

    private IEnumerable<Measurement<long>> Rented()
    {
        lock (_lock)
        {
            return
            [
                .. _pools.GroupBy(static entry => entry.Owner ?? "", static entry => entry.Pool.RentedBytes)
                    .Select(static owner => new Measurement<long>(owner.Sum(), new KeyValuePair<string, object?>("kalloc.memory_pool.owner", owner.Key))),
            ];
        }
    }

    private readonly record struct Entry(KernelMemoryPool Pool, string? Owner);
}
