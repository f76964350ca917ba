using KAlloc.Benchmarks.Replay;

namespace KAlloc.Benchmarks.Tests;

/// <summary>What is a trace, and what is said of a file that is none.</summary>
public sealed class TraceReaderTests
{
    [Fact]
    public void Events_AreDecoded_AndWhatIsLeftIsFreed()
    {
        Trace trace = Read("""
            kalloc-trace 1
            # a comment, and an empty line

            m 7 100
            c 900000000000 20
            a 1 64 32
            r 7 300
            f 1
            m 1 0
            """);
        Assert.Equal(
            [
                (TraceKind.Allocate, 0, 100, 0), (TraceKind.AllocateCleared, 1, 20, 0), (TraceKind.AllocateAligned, 2, 64, 0), (TraceKind.Resize, 0, 300, 100),
                (TraceKind.Free, 2, 0, 64), (TraceKind.Allocate, 2, 0, 0), (TraceKind.Free, 0, 0, 300), (TraceKind.Free, 1, 0, 20), (TraceKind.Free, 2, 0, 0),
            ],
            trace.Events.Select(e => (e.Kind, e.Slot, (int)e.Size, (int)e.OldSize)));
        Assert.Equal((byte)5, trace.Events[2].AlignmentLog2);
        Assert.Equal((byte)5, trace.Events[4].AlignmentLog2);
        Assert.Equal((byte)0, trace.Events[5].AlignmentLog2);
        Assert.Equal((3, 384L, 3, 1), (trace.Slots, trace.PeakLive, trace.LeftOver, trace.Threads));
    }

    [Fact]
    public void Threads_AreNumberedAsTheyAppear()
    {
        Trace trace = Read("kalloc-trace 1\nt 4711\nm 0 1\nt 4712\nm 1 1\nt 4711\nf 0\n");
        Assert.Equal(2, trace.Threads);
        Assert.Equal([0, 1, 0], trace.Events.Take(3).Select(e => (int)e.Thread));
    }

    [Fact]
    public void BlockThatOutgrowsKmalloc_IsHugeFromItsFirstEventToItsLast()
    {
        Trace trace = Read($"""
            kalloc-trace 1
            m 0 10
            m 1 10
            r 1 {Trace.LargestPlain + 1}
            r 1 10
            f 1
            m 2 {Trace.LargestPlain}
            """);
        Assert.Equal([false, true, true, true, true, false, false, false], trace.Events.Select(e => e.IsHuge));
    }

    [Theory]
    [InlineData("", 1, "the first line must be 'kalloc-trace 1'")]
    [InlineData("= Start", 1, "make a trace of it with 'convert'")]
    [InlineData("kalloc-trace 2\nm 0 1", 1, "the first line must be 'kalloc-trace 1'")]
    [InlineData("kalloc-trace 1\n# nothing", 2, "a trace without an event")]
    [InlineData("kalloc-trace 1\nx 0 1", 2, "an event begins with m, c, a, r, f or t")]
    [InlineData("kalloc-trace 1\n  ", 2, "an event begins with m, c, a, r, f or t")]
    [InlineData("kalloc-trace 1\nm 0", 2, "'m 0' is not 'm ID SIZE'")]
    [InlineData("kalloc-trace 1\nm 0 1 2", 2, "'m 0 1 2' is not 'm ID SIZE'")]
    [InlineData("kalloc-trace 1\na 0 64", 2, "'a 0 64' is not 'a ID SIZE ALIGNMENT'")]
    [InlineData("kalloc-trace 1\nm zero 1", 2, "'zero' is not a number")]
    [InlineData("kalloc-trace 1\nm 0 -1", 2, "'-1' is not a number")]
    [InlineData("kalloc-trace 1\nm 18446744073709551616 1", 2, "'18446744073709551616' is not a number")]
    [InlineData("kalloc-trace 1\nm 0 2147483648", 2, "2147483648 bytes: a block may have up to 2147483647")]
    [InlineData("kalloc-trace 1\na 0 64 48", 2, "alignment 48 is not a power of two")]
    [InlineData("kalloc-trace 1\na 0 64 0", 2, "alignment 0 is not a power of two")]
    [InlineData("kalloc-trace 1\na 0 64 8388608", 2, "alignment 8388608 is not a power of two up to 4194304")]
    [InlineData("kalloc-trace 1\nm 0 1\n\nm 0 1", 4, "block 0 is allocated already")]
    [InlineData("kalloc-trace 1\nm 0 1\nf 1", 3, "block 1 is not allocated here")]
    [InlineData("kalloc-trace 1\nm 0 1\nf 0\nf 0", 4, "block 0 is not allocated here")]
    [InlineData("kalloc-trace 1\nr 0 1", 2, "block 0 is not allocated here")]
    [InlineData("kalloc-trace 1\nm 0 1\nr 0 0", 3, "a block cannot be resized to 0 bytes")]
    public void WrongLine_IsNamed(string text, int line, string says)
    {
        TraceException wrong = Assert.Throws<TraceException>(() => Read(text));
        Assert.StartsWith($"some.trace({line}): ", wrong.Message);
        Assert.Contains(says, wrong.Message);
    }

    [Theory]
    [InlineData("plain.trace")]
    [InlineData("compressed.trace.gz")]
    public void File_IsTheSameCompressedOrNot(string name)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.{name}");
        try
        {
            using (StreamWriter writer = TraceFile.Create(path)) writer.WriteLine("kalloc-trace 1\nm 0 17");
            Assert.Equal(name.EndsWith(".gz", StringComparison.Ordinal), File.ReadAllBytes(path)[0] == 0x1f);
            Assert.Equal(17u, TraceReader.Read(path).Events[0].Size);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void DamagedCompression_IsSaidAsAnyOtherFault()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.trace.gz");
        try
        {
            using (StreamWriter writer = TraceFile.Create(path)) writer.WriteLine("kalloc-trace 1\nm 0 17");
            byte[] bytes = File.ReadAllBytes(path);
            bytes[12] ^= 0xff;
            File.WriteAllBytes(path, bytes);
            Assert.Contains($"{path}(", Assert.Throws<TraceException>(() => TraceReader.Read(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Limit_CutsTheTrace_AndFreesWhatIsLive()
    {
        Trace trace = TraceReader.Read("some.trace", new StringReader("kalloc-trace 1\nm 0 1\nm 1 1\nf 0\nf 1\n"), limit: 2);
        Assert.Equal([TraceKind.Allocate, TraceKind.Allocate, TraceKind.Free, TraceKind.Free], trace.Events.Select(e => e.Kind));
    }

    private static Trace Read(string text) => TraceReader.Read("some.trace", new StringReader(text));
}
