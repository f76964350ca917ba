using KAlloc.Benchmarks.Replay;

namespace KAlloc.Benchmarks.Tests;

/// <summary>What becomes of the lines of the C library's mtrace.</summary>
public sealed class MtraceLogTests
{
    [Fact]
    public void EachKindOfLine_BecomesAnEvent_WithTheSmallestFreeNumber()
    {
        (string trace, MtraceLog log) = Convert("""
            = Start
            @ sqlite3:[0x911e] + 0x55862aeaa2a0 0x8
            @ /lib/libsqlite3.so.0:[0xa7504] + 0x55862aeaa4a0 0x30
            @ /opt/a program/with spaces:(sqlite3_free+62)[0xa6cd2] - 0x55862aeaa2a0
            + 0x10 0x18
            @ sqlite3:[0x1] < 0x55862aeaa4a0
            @ sqlite3:[0x1] > 0x55862aeab000 0x60
            @ sqlite3:[0x1] ! 0x55862aeab000 0x7fffffff
            @ sqlite3:[0x1] - 0x55862aeab000
            = End
            """, "two lines\nof text");
        Assert.Equal("kalloc-trace 1\n# two lines\n# of text\nm 0 8\nm 1 48\nf 0\nm 0 24\nr 1 96\nf 1\n", trace);
        Assert.Equal((6L, 0L, 0L), (log.Events, log.Unknown, log.Returned));
        Assert.Equal(1, TraceReader.Read("made.trace", new StringReader(trace)).LeftOver);
    }

    [Fact]
    public void BlocksFromBeforeTheRecording_AreLeftOut_AndCounted()
    {
        (string trace, MtraceLog log) = Convert("= Start\n@ a:[0x1] - 0x10\n@ a:[0x1] < 0x20\n@ a:[0x1] > 0x30 0x5\n");
        Assert.Equal("kalloc-trace 1\nm 0 5\n", trace);
        Assert.Equal(2, log.Unknown);
    }

    [Fact]
    public void AddressThatComesAgain_WasFreedBetween()
    {
        (string trace, MtraceLog log) = Convert("@ a:[0x1] + 0x10 0x1\n@ a:[0x1] + 0x10 0x2\n");
        Assert.Equal("kalloc-trace 1\nm 0 1\nf 0\nm 0 2\n", trace);
        Assert.Equal(1, log.Returned);
    }

    [Theory]
    [InlineData("= Start\n@ a:[0x1] + 0x10", 2, "is not a line of mtrace")]
    [InlineData("= Start\nhello", 2, "'hello' is not a line of mtrace")]
    [InlineData("@ a:[0x1] + ten 0x8", 1, "'ten' is not an address or a size")]
    [InlineData("@ a:[0x1] > 0x30 0x5", 1, "'>' without a line with '<' before it")]
    [InlineData("@ a:[0x1] < 0x30", 1, "the log ends within a realloc")]
    public void WrongLine_IsNamed(string log, int line, string says)
    {
        TraceException wrong = Assert.Throws<TraceException>(() => Convert(log));
        Assert.StartsWith($"some.log({line}): ", wrong.Message);
        Assert.Contains(says, wrong.Message);
    }

    private static (string Trace, MtraceLog Log) Convert(string log, string? about = null)
    {
        var output = new StringWriter { NewLine = "\n" };
        MtraceLog converted = MtraceLog.Convert("some.log", new StringReader(log), output, about);
        return (output.ToString(), converted);
    }
}
