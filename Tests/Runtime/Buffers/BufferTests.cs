using System.Buffers;
using System.Runtime.CompilerServices;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The .NET face: pool, owner, writer, handle.</summary>
public unsafe class BufferTests
{
    private static readonly KernelMemoryPool s_pool = KernelMemory.Default.CreateBufferPool();

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(8193)]
    [InlineData(5_000_000)]
    public void Rent_GivesAtLeastWhatWasAskedFor(int size)
    {
        var pool = KernelMemory.Default.CreateBufferPool();
        using (IMemoryOwner<byte> owner = pool.Rent(size))
        {
            Assert.InRange(owner.Memory.Length, size, size * 2 + 8);
            owner.Memory.Span.Fill(7);
            Assert.Equal((1, owner.Memory.Length), (pool.RentedBuffers, pool.RentedBytes));
        }

        Assert.Equal((0, 0), (pool.RentedBuffers, pool.RentedBytes));
    }

    [Fact]
    public void Rent_WrongSizeOrDisposedPool_Throws()
    {
        var pool = KernelMemory.Default.CreateBufferPool();
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(-2));
        using (IMemoryOwner<byte> any = pool.Rent(0)) Assert.Equal(4096, any.Memory.Length);
        IMemoryOwner<byte> owner = pool.Rent();
        Assert.Equal(4096, owner.Memory.Length);
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent());
        owner.Memory.Span[0] = 1;
        owner.Dispose();
    }

    [Fact]
    public void Owner_DisposedTwice_FreesOnce()
    {
        IMemoryOwner<byte> owner = s_pool.Rent(100);
        Memory<byte> memory = owner.Memory;
        owner.Dispose();
        owner.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Span[0]);
        Assert.Throws<ObjectDisposedException>(() => memory.Pin());
    }

    [Fact]
    public void Owner_DisposedWhilePinned_FreesAtTheLastUnpin()
    {
        var pool = KernelMemory.Default.CreateBufferPool();
        IMemoryOwner<byte> owner = pool.Rent(100);
        MemoryHandle first = owner.Memory.Pin(), second = owner.Memory[50..].Pin();
        Assert.Equal((nint)first.Pointer + 50, (nint)second.Pointer);
        owner.Dispose();
        *(byte*)first.Pointer = 1;
        first.Dispose();
        Assert.Equal(1, pool.RentedBuffers);
        second.Dispose();
        Assert.Equal(0, pool.RentedBuffers);
        first.Dispose();
    }

    [Fact]
    public void LeakReport_NamesOwnersThatWereLost()
    {
        var pool = KernelMemory.Default.CreateBufferPool(track: true);
        Assert.Equal("", pool.LeakReport());
        Lose(pool);
        using IMemoryOwner<byte> kept = pool.Rent(200);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        string[] lines = pool.LeakReport().Split('\n');
        Assert.Contains("128 bytes, leaked", lines[0]);
        Assert.Contains(lines, line => line.Contains(nameof(Lose)));
        Assert.Contains(lines, line => line.Contains("256 bytes, in use"));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Lose(KernelMemoryPool pool) => pool.Rent(100);

    [Fact]
    public void Writer_GrowsAndKeepsWhatWasWritten()
    {
        using var writer = new KernelBufferWriter(s_pool, 16);
        ReadOnlyMemory<byte> early = writer.WrittenMemory;
        for (int i = 0; i < 100_000; i++)
        {
            writer.GetSpan(4)[0] = (byte)i;
            writer.Advance(1);
        }

        Assert.Equal(100_000, writer.WrittenCount);
        for (int i = 0; i < 100_000; i++) Assert.Equal((byte)i, writer.WrittenSpan[i]);
        Assert.Throws<ObjectDisposedException>(() => early.Span.Length);
        Assert.Throws<InvalidOperationException>(() => writer.Advance(writer.Capacity - writer.WrittenCount + 1));
        writer.Clear();
        writer.Write("abc"u8);
        Assert.Equal("abc"u8.ToArray(), writer.WrittenMemory.ToArray());
        writer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => writer.GetSpan());
    }

    [Fact]
    public void Handle_OwnsItsMemory()
    {
        SafeKernelMemoryHandle handle = KernelMemory.Default.AllocateHandle(300);
        handle.AsSpan().Fill(9);
        Assert.Equal(300, handle.AsSpan().Length);
        handle.Dispose();
        handle.Dispose();
        Assert.Throws<ObjectDisposedException>(() => handle.AsSpan().Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelMemory.Default.AllocateHandle(0));
        Assert.Throws<OutOfMemoryException>(() => KernelMemory.Default.AllocateHandle(5 << 20));
    }

    [Fact]
    public void Handle_InUse_OutlivesDispose()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        ulong free = memory.FreeBytes;
        SafeKernelMemoryHandle handle = memory.AllocateHandle(16_384);
        bool used = false;
        handle.DangerousAddRef(ref used);
        byte* address = (byte*)handle.DangerousGetHandle();
        handle.Dispose();
        address[16_383] = 1;
        Assert.Equal(free - 16_384, memory.FreeBytes);
        handle.DangerousRelease();
        Assert.Equal(free, memory.FreeBytes);
        Assert.Throws<ObjectDisposedException>(() => handle.AsSpan().Length);
    }

    [Fact]
    public void Handles_ThatAreLost_AreFreedByTheirFinalizers()
    {
        // A system that checks each object keeps none in threads: its figures are exact.
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, DebugLevel.Sanity);
        ulong free = memory.FreeBytes;
        LoseHandles(memory);
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        memory.Shrink();
        Assert.Equal(free, memory.FreeBytes);
    }

    [Fact]
    public void Handles_ThatAreLostWithTheirSystem_DoNotCrashTheFinalizer()
    {
        KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        LoseHandles(memory);
        memory.Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LoseHandles(KernelMemory memory)
    {
        for (int i = 0; i < 100; i++) memory.AllocateHandle(4096 * (nuint)(1 + (i % 3))).AsSpan().Fill(1);
    }
}
