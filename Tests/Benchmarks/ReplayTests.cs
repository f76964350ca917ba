using System.Text;
using KAlloc.Benchmarks.Replay;

namespace KAlloc.Benchmarks.Tests;

/// <summary>A trace carried out, with every byte looked after.</summary>
public sealed class ReplayTests
{
    public static TheoryData<string> Allocators => [.. Peer.All().Select(peer => peer.Name)];

    public static TheoryData<string> Recorded => [.. Directory.GetFiles(Trace.Folder).Select(path => Path.GetFileName(path))];

    [Theory]
    [MemberData(nameof(Allocators))]
    public void EveryAllocator_KeepsEveryByteOfARandomTrace(string allocator)
    {
        Trace trace = TraceReader.Read("random.trace", new StringReader(RandomTrace(seed: 7, events: 4000)));
        Peer peer = Peer.All().First(candidate => candidate.Name == allocator);
        peer.Check(trace, 2);
        peer.Fill(trace, 1);
        Assert.True(peer.Time(trace, 1) > 0);
    }

    /// <summary>The check itself would see blocks that share memory.</summary>
    [Fact]
    public void BlocksThatShareMemory_AreSeen()
    {
        Trace trace = TraceReader.Read("some.trace", new StringReader("kalloc-trace 1\nm 0 100\nm 1 100\nf 0\n"));
        Assert.Contains("byte 0 of 100 was overwritten", Assert.Throws<InvalidOperationException>(() => Peer.None(trace).Check(trace, 1)).Message);
    }

    [Theory]
    [MemberData(nameof(Recorded))]
    public void RecordedTrace_IsOneOfARealProgram_AndSmall(string file)
    {
        string path = Path.Combine(Trace.Folder, file);
        Assert.InRange(new FileInfo(path).Length, 1, 2 << 20);
        Trace trace = TraceReader.Read(path);
        Assert.InRange(trace.Events.Length, 100_000, int.MaxValue);
        Assert.Equal(trace.Events.Count(e => e.Kind == TraceKind.Free), trace.Events.Count(e => e.Kind is not (TraceKind.Free or TraceKind.Resize)));
        Assert.Equal(0, trace.Events.Sum(e => (long)e.Size - e.OldSize));
        Assert.Contains(trace.Events, e => e.Kind == TraceKind.Resize);
        Peer.All().First().Check(trace, 1);
    }

    [Fact]
    public void TwoProgramsAtLeast_AreRecorded() => Assert.InRange(Recorded.Count, 2, int.MaxValue);

    private static string RandomTrace(int seed, int events)
    {
        var random = new Random(seed);
        var text = new StringBuilder(TraceFile.Header).Append('\n');
        var live = new List<int>();
        for (int i = 0; i < events; i++)
        {
            int kind = live.Count == 0 ? 0 : random.Next(8);
            int place = random.Next(Math.Max(live.Count, 1));
            switch (kind)
            {
                case < 4:
                    live.Add(i);
                    text.Append(kind switch
                    {
                        0 => $"c {i} {Size(random)}\n",
                        1 => $"a {i} {Size(random)} {1 << random.Next(13)}\n",
                        _ => $"m {i} {Size(random)}\n",
                    });
                    break;
                case 4:
                    text.Append($"r {live[place]} {Size(random) + 1}\n");
                    break;
                default:
                    text.Append($"f {live[place]}\n");
                    live.RemoveAt(place);
                    break;
            }
        }

        return text.ToString();
    }

    /// <summary>Nothing, a little, some pages, and now and then more than kmalloc has.</summary>
    private static int Size(Random random) => random.Next(200) switch
    {
        0 => Trace.LargestPlain + random.Next(100_000),
        < 20 => random.Next(100_000),
        _ => random.Next(1000),
    };
}
