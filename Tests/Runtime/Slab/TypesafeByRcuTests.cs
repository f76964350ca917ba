using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary><c>SLAB_TYPESAFE_BY_RCU</c>: objects may be reused at once, slabs wait for the readers.</summary>
public unsafe class TypesafeByRcuTests
{
    [Theory]
    [InlineData(SlabFlags.TypesafeByRcu)]
    [InlineData(SlabFlags.None)]
    public void EmptySlabs_GoBackAfterTheReaders_WithoutTheFlagAtOnce(SlabFlags flags)
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        ulong before = memory.FreeBytes;
        KmemCache* cache = memory.CreateCache("connection", 1000, 0, flags);
        var objects = new nint[500];
        for (int i = 0; i < objects.Length; i++)
        {
            objects[i] = (nint)memory.CacheAlloc(cache);
            new Span<byte>((void*)objects[i], 1000).Fill(0x5C);
        }

        ulong used = memory.FreeBytes;
        using (new Reader())
        {
            foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
            kmem_cache_shrink(cache);
            Assert.Equal(0, memory.StatisticsOf(cache).Slabs);
            if (flags == SlabFlags.None)
            {
                Assert.Equal(before, memory.FreeBytes);
            }
            else
            {
                Thread.Sleep(50);
                Assert.Equal(used, memory.FreeBytes);

                // What a reader may still look at is an object of this type, as its last user left it.
                foreach (nint obj in objects) Assert.True(new Span<byte>((void*)obj, 1000).IndexOfAnyExcept((byte)0x5C) < 0);
            }
        }

        memory.DestroyCache(cache);
        Assert.Equal(before, memory.FreeBytes);
        Sound(memory);
    }

    [Fact]
    public void FreedObject_IsHandedOutAgainWhileReadersLook()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("reused", 100, 0, SlabFlags.TypesafeByRcu);
        using (new Reader())
        {
            void* obj = memory.CacheAlloc(cache);
            memory.CacheFree(cache, obj);
            Assert.True(memory.CacheAlloc(cache) == obj);
            memory.CacheFree(cache, obj);
        }

        memory.DestroyCache(cache);
    }

    [Fact]
    public void Destroy_WaitsForTheReaders()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        ulong before = memory.FreeBytes;
        KmemCache* cache = memory.CreateCache("waited-for", 100, 0, SlabFlags.TypesafeByRcu);
        memory.CacheFree(cache, memory.CacheAlloc(cache));
        var reader = new Reader();
        var destroyer = new Thread(() => memory.DestroyCache(cache));
        destroyer.Start();
        Assert.False(destroyer.Join(100));
        Assert.True(memory.FreeBytes < before);
        reader.Dispose();
        Assert.True(destroyer.Join(TimeSpan.FromSeconds(20)));
        Assert.Equal(before, memory.FreeBytes);
    }

    [Fact]
    public void SlabsEmptiedDuringAGracePeriod_WaitForTheNext()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        ulong before = memory.FreeBytes;

        // Often, as a cache that is destroyed meets its last callback at any point of it.
        for (int round = 0; round < 40; round++)
        {
            KmemCache* cache = memory.CreateCache("waves", 1000, 0, SlabFlags.TypesafeByRcu);
            for (int wave = 0; wave < 50; wave++)
            {
                var objects = new nint[100];
                for (int i = 0; i < objects.Length; i++) objects[i] = (nint)memory.CacheAlloc(cache);
                foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
                kmem_cache_shrink(cache);
            }

            memory.DestroyCache(cache);
            Assert.Equal(before, memory.FreeBytes);
        }

        Sound(memory);
    }

    /// <summary>A thread inside <c>rcu_read_lock</c>.</summary>
    private sealed class Reader : IDisposable
    {
        private readonly ManualResetEventSlim _leave = new();
        private readonly Thread _thread;

        internal Reader()
        {
            using var inside = new ManualResetEventSlim();
            _thread = new Thread(() =>
            {
                rcu_read_lock();
                inside.Set();
                _leave.Wait();
                rcu_read_unlock();
            });
            _thread.Start();
            inside.Wait();
        }

        public void Dispose()
        {
            _leave.Set();
            _thread.Join();
        }
    }
}
