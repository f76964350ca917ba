using System.Buffers;
using System.Runtime.InteropServices;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Owners of native buffers under abuse: no order of pins, slices and disposals frees a buffer early, twice or not at all.</summary>
public unsafe class OwnerTests
{
    [Fact]
    public void Pin_ReleasedTwiceThroughACopy_LeavesTheOwnersBufferAlone()
    {
        KernelMemoryPool pool = KernelMemory.Default.CreateBufferPool();
        using IMemoryOwner<byte> owner = pool.Rent(100);
        owner.Memory.Span.Fill(7);
        MemoryHandle pin = owner.Memory.Pin(), copy = pin;
        pin.Dispose();
        Bug("unpinned more often than pinned", () => copy.Dispose());
        Assert.Equal(1, pool.RentedBuffers);
        Assert.Equal(-1, owner.Memory.Span.IndexOfAnyExcept((byte)7));
    }

    [Fact]
    public void Pin_ReleasedTwiceAfterDispose_FreesOnce()
    {
        KernelMemoryPool pool = KernelMemory.Default.CreateBufferPool();
        IMemoryOwner<byte> owner = pool.Rent(100);
        MemoryHandle pin = owner.Memory.Pin(), copy = pin;
        owner.Dispose();
        pin.Dispose();
        Assert.Equal(0, pool.RentedBuffers);
        Bug("unpinned more often than pinned", () => copy.Dispose());
        Assert.Equal((0, 0), (pool.RentedBuffers, pool.RentedBytes));
    }

    [Fact]
    public void Owner_DisposedWhilePinned_HandsOutNothingNew()
    {
        KernelMemoryPool pool = KernelMemory.Default.CreateBufferPool();
        IMemoryOwner<byte> owner = pool.Rent(100);
        Memory<byte> memory = owner.Memory, slice = memory[10..20];
        using (MemoryHandle pin = slice.Pin())
        {
            owner.Dispose();
            Assert.Throws<ObjectDisposedException>(() => owner.Memory);
            Assert.Throws<ObjectDisposedException>(() => slice.Span[0]);
            Assert.Throws<ObjectDisposedException>(() => slice.Pin());
            *(byte*)pin.Pointer = 3;
            Assert.Equal(1, pool.RentedBuffers);
        }

        Assert.Equal(0, pool.RentedBuffers);
    }

    [Fact]
    public void Slices_ReachTheirPartAndNoMore()
    {
        using IMemoryOwner<byte> owner = KernelMemory.Default.CreateBufferPool().Rent(64);
        for (int i = 0; i < 64; i++) owner.Memory.Span[i] = (byte)i;
        Memory<byte> slice = owner.Memory.Slice(10, 20)[5..];
        Assert.Equal((15, 15), (slice.Length, slice.Span[0]));
        Assert.Throws<IndexOutOfRangeException>(() => slice.Span[15]);
        Assert.Throws<ArgumentOutOfRangeException>(() => owner.Memory[60..65]);
        using MemoryHandle pin = slice.Pin(), end = owner.Memory[^0..].Pin();
        Assert.Equal(15, *(byte*)pin.Pointer);
        Assert.Equal((nint)pin.Pointer + 49, (nint)end.Pointer);
        var manager = (MemoryManager<byte>)owner;
        Assert.Throws<ArgumentOutOfRangeException>(() => manager.Pin(owner.Memory.Length + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => manager.Pin(-1));
        Assert.False(MemoryMarshal.TryGetArray<byte>(owner.Memory, out _));
        Assert.True(MemoryMarshal.TryGetMemoryManager<byte, MemoryManager<byte>>(owner.Memory, out MemoryManager<byte>? found));
        Assert.Same(manager, found);
    }

    [Fact]
    public void PinsAndDisposals_FromManyThreads_FreeEachBufferOnce()
    {
        KernelMemoryPool pool = KernelMemory.Default.CreateBufferPool();
        const int Rounds = 2000, Threads = 4;
        var owners = new IMemoryOwner<byte>[Rounds];
        for (int i = 0; i < Rounds; i++) owners[i] = pool.Rent(64);
        Memory<byte>[] memories = [.. owners.Select(owner => owner.Memory)];
        using var start = new Barrier(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                if (i % 64 == 0) start.SignalAndWait();
                try
                {
                    using MemoryHandle pin = memories[i].Pin();
                    ((byte*)pin.Pointer)[thread] = (byte)thread;
                    owners[i].Dispose();
                    ((byte*)pin.Pointer)[thread + 8] = (byte)thread;
                }
                catch (ObjectDisposedException)
                {
                    // Another thread was first.
                    owners[i].Dispose();
                }
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal((0, 0), (pool.RentedBuffers, pool.RentedBytes));
        Sound(KernelMemory.Default);
    }

    [Fact]
    public void RentAndDispose_FromManyThreads_NeverShareABuffer()
    {
        KernelMemoryPool pool = KernelMemory.Default.CreateBufferPool();
        int shared = 0;
        Parallel.For(0, 4, thread =>
        {
            var random = new Random(thread);
            var mine = new Queue<IMemoryOwner<byte>>();
            for (int i = 0; i < 20_000; i++)
            {
                IMemoryOwner<byte> owner = pool.Rent(random.Next(1, 3000));
                owner.Memory.Span.Fill((byte)(thread + 1));
                mine.Enqueue(owner);
                if (mine.Count < 20) continue;
                IMemoryOwner<byte> oldest = mine.Dequeue();
                if (oldest.Memory.Span.IndexOfAnyExcept((byte)(thread + 1)) >= 0) Interlocked.Increment(ref shared);
                oldest.Dispose();
            }

            foreach (IMemoryOwner<byte> owner in mine) owner.Dispose();
        });
        Assert.Equal((0, 0L, 0L), (shared, pool.RentedBuffers, pool.RentedBytes));
    }

    [Fact]
    public void NoMemory_IsAnException_AndLeavesTheCountsRight()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, megabytes: 32);
        KernelMemoryPool pool = memory.CreateBufferPool();
        Assert.Throws<OutOfMemoryException>(() => pool.Rent(1 << 30));
        Assert.Throws<OutOfMemoryException>(() => pool.Rent(int.MaxValue));
        Assert.Equal((0, 0), (pool.RentedBuffers, pool.RentedBytes));
        using IMemoryOwner<byte> small = pool.Rent(5_000_000);
        Assert.Equal(1, pool.RentedBuffers);
    }

    [Fact]
    public void SystemThatIsGone_IsAnException_NotACrash()
    {
        KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KernelMemoryPool pool = memory.CreateBufferPool(track: true);
        IMemoryOwner<byte> owner = pool.Rent(100);
        Memory<byte> buffer = owner.Memory;
        MemoryHandle pin = buffer.Pin();
        SafeKernelMemoryHandle handle = memory.AllocateHandle(100);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Span[0]);
        Assert.Throws<ObjectDisposedException>(() => buffer.Pin());
        Assert.Throws<ObjectDisposedException>(() => pool.Rent());
        Assert.Throws<ObjectDisposedException>(() => handle.AsSpan()[0]);
        owner.Dispose();
        pin.Dispose();
        handle.Dispose();
        Assert.Equal(0, pool.RentedBuffers);
    }
}
