using System.Buffers;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>What <see cref="IBufferWriter{T}"/> promises, at its edges.</summary>
public class WriterTests
{
    private readonly KernelMemoryPool _pool = KernelMemory.Default.CreateBufferPool();

    [Fact]
    public void Constructor_WrongArguments_Throw_AndRentNothing()
    {
        Assert.Throws<ArgumentNullException>(() => new KernelBufferWriter(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KernelBufferWriter(_pool, -1));
        Assert.Equal(0, _pool.RentedBuffers);
        using var writer = new KernelBufferWriter(_pool, 0);
        Assert.Equal(4096, writer.Capacity);
    }

    [Fact]
    public void FullWriter_AskedForAnySize_IsNeverEmpty()
    {
        using var writer = new KernelBufferWriter(_pool, 16);
        for (int turn = 0; turn < 12; turn++)
        {
            Assert.NotEqual(0, writer.GetSpan().Length);
            Assert.NotEqual(0, writer.GetMemory(0).Length);
            writer.Advance(writer.Capacity - writer.WrittenCount);
        }

        Assert.InRange(writer.GetSpan(100_000).Length, 100_000, int.MaxValue);
        Assert.Equal(1, _pool.RentedBuffers);
    }

    [Fact]
    public void SpansOfOneState_AreTheSameMemory()
    {
        using var writer = new KernelBufferWriter(_pool);
        Span<byte> first = writer.GetSpan(100), second = writer.GetMemory(10).Span;
        Assert.True(first == second);
        first[0] = 1;
        writer.Advance(0);
        Assert.Equal(1, writer.GetSpan()[0]);
        Assert.Equal(0, writer.WrittenCount);
    }

    [Fact]
    public void Advance_WrongCount_Throws_AndChangesNothing()
    {
        using var writer = new KernelBufferWriter(_pool, 100);
        writer.Advance(50);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(-1));
        Assert.Throws<InvalidOperationException>(() => writer.Advance(int.MaxValue));
        Assert.Throws<InvalidOperationException>(() => writer.Advance(writer.Capacity - 49));
        Assert.Equal(50, writer.WrittenCount);
        writer.Advance(writer.Capacity - 50);
    }

    [Fact]
    public void SizeHint_NegativeOrOverTheLimit_Throws_AndKeepsWhatWasWritten()
    {
        using var writer = new KernelBufferWriter(_pool);
        writer.Write("kept"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.GetSpan(-1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.GetMemory(int.MinValue));
        Assert.Throws<OutOfMemoryException>(() => writer.GetSpan(int.MaxValue).Length);
        Assert.Equal("kept"u8.ToArray(), writer.WrittenSpan.ToArray());
        writer.Write("!"u8);
        Assert.Equal("kept!"u8.ToArray(), writer.WrittenMemory.ToArray());
    }

    [Fact]
    public void WhereThereIsNoMemoryForTheDouble_GrowsToWhatIsNeeded()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, megabytes: 64);
        KernelMemoryPool pool = memory.CreateBufferPool();
        using (var writer = new KernelBufferWriter(pool, 25 << 20))
        {
            writer.Advance(writer.Capacity - 1);
            Assert.InRange(writer.GetSpan(1 << 20).Length, 1 << 20, 4 << 20);
            Assert.Throws<OutOfMemoryException>(() => writer.GetSpan(60 << 20).Length);
            Assert.Equal((25 << 20) - 1, writer.WrittenCount);
        }

        Assert.Equal((0, 0), (pool.RentedBuffers, pool.RentedBytes));
    }

    [Fact]
    public void WriterThatIsPinnedWhileItGrows_KeepsTheOldBufferUntilTheUnpin()
    {
        using var writer = new KernelBufferWriter(_pool, 64);
        writer.Write("abc"u8);
        using (MemoryHandle pin = writer.WrittenMemory.Pin())
        {
            writer.GetSpan(1000);
            Assert.Equal(2, _pool.RentedBuffers);
        }

        Assert.Equal(1, _pool.RentedBuffers);
        Assert.Equal("abc"u8.ToArray(), writer.WrittenSpan.ToArray());
    }

    [Fact]
    public void DisposedWriter_Throws_AndDisposesOnce()
    {
        var writer = new KernelBufferWriter(_pool);
        writer.Write("abc"u8);
        ReadOnlyMemory<byte> early = writer.WrittenMemory;
        writer.Dispose();
        writer.Dispose();
        Assert.Equal((0, 0), (_pool.RentedBuffers, writer.WrittenCount));
        Assert.Throws<ObjectDisposedException>(() => early.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => writer.Advance(0));
        Assert.Throws<ObjectDisposedException>(() => writer.WrittenSpan.Length);
        Assert.Throws<ObjectDisposedException>(() => writer.WrittenMemory);
        Assert.Throws<ObjectDisposedException>(() => writer.Capacity);
        Assert.Throws<ObjectDisposedException>(() => writer.GetMemory());
    }
}
