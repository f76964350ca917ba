using System.Buffers;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KAlloc.AspNetCore.Tests;

/// <summary>When memory is given back, and what the factory knows of its pools. Time passes by hand.</summary>
public sealed class FactoryTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void SteadyUse_IsNeverEvicted()
    {
        using KernelMemoryPoolFactory factory = NewFactory();
        using MemoryPool<byte> pool = factory.Create();
        for (int look = 0; look < 20; look++)
        {
            Use(pool, look % 2 == 0 ? 100 : 60);
            _time.Look();
        }

        Assert.Equal(0, factory.Evictions);
        Assert.Equal(0ul, factory.EvictedBytes);
    }

    [Fact]
    public void UseThatFellByHalf_IsEvictedOnce_AndAgainWhenItFellAgain()
    {
        // A system of its own: in the default one the buffers may lie among what other tests left.
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 128 << 20, GiveBackAfter = Timeout.InfiniteTimeSpan });
        using KernelMemoryPoolFactory factory = new(new KernelMemoryPoolOptions { Memory = memory }, _time);
        using MemoryPool<byte> pool = factory.Create();
        Use(pool, 4000);
        _time.Look();
        Assert.Equal(0, factory.Evictions);
        Use(pool, 1000);
        _time.Look();
        Assert.Equal(1, factory.Evictions);
        Use(pool, 1000);
        _time.Look();
        Assert.Equal(1, factory.Evictions);
        _time.Look();
        Assert.Equal(2, factory.Evictions);
        for (int look = 0; look < 5; look++) _time.Look();
        Assert.Equal(2, factory.Evictions);
        Assert.True(factory.EvictedBytes > 4 << 20, $"{factory.EvictedBytes} bytes of 16 MB went back");
    }

    [Fact]
    public void RentedBuffers_SurviveEviction()
    {
        using KernelMemoryPoolFactory factory = NewFactory();
        using MemoryPool<byte> pool = factory.Create();
        IMemoryOwner<byte>[] kept = [.. Enumerable.Range(0, 50).Select(_ => pool.Rent())];
        for (int i = 0; i < kept.Length; i++) kept[i].Memory.Span.Fill((byte)i);
        Use(pool, 2000);
        _time.Look();
        _time.Look();
        Assert.Equal(1, factory.Evictions);
        for (int i = 0; i < kept.Length; i++) Assert.Equal(-1, kept[i].Memory.Span.IndexOfAnyExcept((byte)i));
        Assert.Equal((50, 50 * 4096), (factory.RentedBuffers, factory.RentedBytes));
        foreach (IMemoryOwner<byte> owner in kept) owner.Dispose();
    }

    [Fact]
    public void DisposedPool_IsForgottenOnceItsLastBufferIsBack()
    {
        using KernelMemoryPoolFactory factory = NewFactory();
        WeakReference pool = Abandon(factory);
        GC.Collect();
        Assert.False(pool.IsAlive);
    }

    [Fact]
    public void LeakReport_NamesThePlaceOfTheRent()
    {
        using var factory = new KernelMemoryPoolFactory(new() { Track = true }, _time);
        using MemoryPool<byte> pool = factory.Create();
        Assert.Equal("", factory.LeakReport());
        Lose(pool);
        GC.Collect();
        Assert.Contains("leaked", factory.LeakReport());
        Assert.Contains(nameof(Lose), factory.LeakReport());
    }

    [Fact]
    public void Meter_TellsRentedBytesByOwner()
    {
        using KernelMemoryPoolFactory factory = NewFactory();
        using MemoryPool<byte> pool = factory.Create(new MemoryPoolOptions { Owner = "test" });
        using IMemoryOwner<byte> owner = pool.Rent(10_000);
        var seen = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == KernelMemoryPoolFactory.MeterName) self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (instrument.Name == "kalloc.memory_pool.rented" && tags is [{ Value: "test" }]) seen[instrument.Name] = value;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(owner.Memory.Length, seen["kalloc.memory_pool.rented"]);
    }

    [Fact]
    public void WrongInterval_AndUseAfterDispose_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new KernelMemoryPoolFactory(new() { IdleInterval = TimeSpan.Zero }));
        KernelMemoryPoolFactory factory = NewFactory();
        factory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => factory.Create());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Services_TakeThePlaceOfTheServersOwn(bool slim)
    {
        WebApplicationBuilder builder = slim ? WebApplication.CreateSlimBuilder() : WebApplication.CreateBuilder();
        builder.WebHost.UseKestrel();
        builder.Services.AddKernelMemoryPool(options => options.Track = true);
        using WebApplication application = builder.Build();
        using MemoryPool<byte> pool = application.Services.GetRequiredService<IMemoryPoolFactory<byte>>().Create();
        Assert.IsType<KernelMemoryPool>(pool);
        Assert.IsType<SocketTransport>(application.Services.GetServices<IConnectionListenerFactory>().Last());
    }

    private KernelMemoryPoolFactory NewFactory() => new(time: _time);

    private static void Use(MemoryPool<byte> pool, int buffers)
    {
        IMemoryOwner<byte>[] owners = [.. Enumerable.Range(0, buffers).Select(_ => pool.Rent())];
        foreach (IMemoryOwner<byte> owner in owners) owner.Memory.Span[0] = 1;
        foreach (IMemoryOwner<byte> owner in owners) owner.Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Lose(MemoryPool<byte> pool) => pool.Rent();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference Abandon(KernelMemoryPoolFactory factory)
    {
        MemoryPool<byte> pool = factory.Create();
        IMemoryOwner<byte> owner = pool.Rent();
        pool.Dispose();
        _time.Look();
        Assert.Equal(1, factory.RentedBuffers);
        owner.Dispose();
        _time.Look();
        return new(pool);
    }

    /// <summary>A clock with one timer that fires when told.</summary>
    private sealed class ManualTime : TimeProvider, ITimer
    {
        private Action? _fire;

        internal void Look() => _fire!();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _fire = () => callback(state);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
