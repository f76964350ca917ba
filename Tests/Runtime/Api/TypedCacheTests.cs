using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Caches of one type.</summary>
public unsafe class TypedCacheTests
{
    private struct Point
    {
        public long X;
        public long Y;
        public int Users;
    }

    public static TheoryData<bool> Systems => [true, false];

    [Theory]
    [MemberData(nameof(Systems))]
    public void Objects_AreDistinctAndConstructedOnce(bool isDefault)
    {
        using KernelMemory own = Boot("Flat", BackingKind.Automatic);
        KernelMemory memory = isDefault ? KernelMemory.Default : own;
        int constructed = 0;
        using KmemCache<Point> cache = memory.CreateCache("typed-point", SlabFlags.None, (ref Point point) =>
        {
            constructed++;
            point = new Point { X = 1, Y = 2 };
        });
        var points = new HashSet<nint>();
        for (int round = 0; round < 3; round++)
        {
            points.Clear();
            for (int i = 0; i < 500; i++)
            {
                Point* point = cache.Alloc();
                Assert.True(points.Add((nint)point));
                Assert.Equal((1, 2), (point->X, point->Y));
            }

            foreach (nint point in points) cache.Free((Point*)point);
        }

        Assert.InRange(constructed, 500, 1000);
        cache.Free(null);
    }

    [Fact]
    public void Local_AllocatesAndFreesOnItsThread()
    {
        using KmemCache<Point> cache = KernelMemory.Default.CreateCache<Point>("typed-local");
        KmemCacheLocal<Point> local = cache.Local;
        var points = new HashSet<nint>();
        for (int i = 0; i < 1000; i++) Assert.True(points.Add((nint)local.Alloc()));
        foreach (nint point in points) local.Free((Point*)point);
        Point* other = cache.Alloc();
        local.Free(other);
        Point stray = default;
        nint address = (nint)(&stray);
        Bug("No slab cache for object", () => cache.Free((Point*)address));
    }

    [Fact]
    public void Owned_FreesAtTheEndOfUsing_UnlessReleased()
    {
        using KmemCache<Point> cache = KernelMemory.Default.CreateCache<Point>("typed-owned");
        Point* kept;
        using (Owned<Point> point = cache.AllocOwned())
        {
            point.Value.X = 5;
            Assert.Equal(5, point.Pointer->X);
        }

        Owned<Point> released = cache.AllocOwned();
        kept = released.Release();
        released.Dispose();
        Bug("Slab cache still has 1 object", cache.Dispose);
        cache.Free(kept);
    }

    [Fact]
    public void Dispose_ThenUse_Throws()
    {
        KmemCache<Point> cache = KernelMemory.Default.CreateCache<Point>("typed-gone");
        cache.Free(cache.Alloc());
        cache.Dispose();
        cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { cache.Alloc(); });
    }
}
