namespace KAlloc.Runtime.Tests;

/// <summary>The tree of free ranges against a plain list, at random, and what its balance is worth.</summary>
public class RangeTreeTests
{
    private const ulong Pages = 4096;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomTakesAndGives_AreThoseOfAPlainList(int seed)
    {
        var random = new Random(seed);
        var tree = new RangeTree();
        tree.Add(new AddressRange(0x100, Pages));
        var taken = new bool[Pages];
        var live = new List<(ulong Start, ulong Length)>();
        for (int step = 0; step < 20_000; step++)
        {
            if (live.Count == 0 || random.Next(2) == 0)
            {
                ulong length = (ulong)(1 + random.Next(40)), alignment = random.Next(3) == 0 ? 1UL << random.Next(8) : 1;
                ulong start = tree.Take(length, alignment);
                if (start == ulong.MaxValue)
                {
                    Assert.Equal(ulong.MaxValue, LowestAligned(taken, length, alignment));
                    continue;
                }

                Assert.Equal(0UL, start % alignment);
                if (alignment == 1) Assert.Equal(LowestAligned(taken, length, 1), start);
                for (ulong page = start - 0x100; page < start - 0x100 + length; page++)
                {
                    Assert.False(taken[page]);
                    taken[page] = true;
                }

                live.Add((start, length));
            }
            else
            {
                int index = random.Next(live.Count);
                (ulong start, ulong length) = live[index];
                live.RemoveAt(index);
                tree.Give(start, length);
                Array.Clear(taken, (int)(start - 0x100), (int)length);
            }

            if (step % 500 != 0) continue;
            var holes = new List<(ulong, ulong)>();
            for (ulong page = 0; page < Pages; page++)
            {
                if (taken[page]) continue;
                ulong end = page;
                while (end < Pages && !taken[end]) end++;
                holes.Add((page + 0x100, end - page));
                page = end;
            }

            Assert.Equal(holes, tree.ToList<AddressRange>().Select(range => (range.Start, range.Length)));
        }
    }

    [Fact]
    public void FifteenThousandHolesInOrder_StayBalanced()
    {
        var tree = new RangeTree();
        for (ulong i = 0; i < 15_000; i++) tree.Add(new AddressRange(i * 3, 1));

        // A perfect tree has depth 14; one that degenerates has 15,000.
        Assert.InRange(tree.Depth, 14, 60);
        Assert.Equal(ulong.MaxValue, tree.Take(2));
        tree.Give(30_001, 1);
        Assert.Equal(30_000UL, tree.Take(2));
        Assert.Equal(0UL, tree.Take(1));
        Assert.Equal(14_998, tree.Count);
    }

    /// <summary>The lowest fit takes one descent, whatever lies to its left: counted, not timed.</summary>
    [Theory]
    [InlineData(1_000)]
    [InlineData(15_000)]
    [InlineData(200_000)]
    public void LowestFit_VisitsOnePath(int holes)
    {
        // Holes of a page, a larger one here and there, the larger the further up.
        var tree = new RangeTree();
        var random = new Random(1);
        for (int i = 0; i < holes; i++) tree.Add(new AddressRange((ulong)i * 64, i % 100 == 99 ? 2 + ((ulong)i * 60 / (ulong)holes) : 1));
        int depth = tree.Depth;
        Assert.InRange(depth, 1, 4 * (int)Math.Ceiling(Math.Log2(holes)));
        for (int i = 0; i < 1000; i++)
        {
            ulong length = (ulong)random.Next(1, 80);
            long before = tree.Visited;
            ulong start = tree.Take(length);
            Assert.InRange(tree.Visited - before, 0, depth);
            if (start == ulong.MaxValue) continue;
            tree.Give(start, length);
            depth = Math.Max(depth, tree.Depth);
        }

        // With an alignment, too: a range that fits wherever it starts is found by the same descent.
        long aligned = tree.Visited;
        Assert.Equal(0UL, tree.Take(20, 16) % 16);
        Assert.InRange(tree.Visited - aligned, 1, depth);
    }

    private static ulong LowestAligned(bool[] taken, ulong length, ulong alignment)
    {
        for (ulong start = 0x100; start + length <= 0x100 + Pages; start++)
        {
            if (start % alignment != 0) continue;
            ulong run = 0;
            while (run < length && !taken[start - 0x100 + run]) run++;
            if (run == length) return start;
        }

        return ulong.MaxValue;
    }
}
