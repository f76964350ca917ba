namespace KAlloc.Runtime.Tests;

/// <summary>The container's limit is read as the kernel writes it.</summary>
public sealed class CgroupTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kalloc-cgroup").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    [Fact]
    public void Version2_TheLeastLimitOnThePathHolds()
    {
        Write("proc/self/cgroup", "0::/pod/box\n");
        Write("sys/fs/cgroup/memory.max", "max\n");
        Write("sys/fs/cgroup/pod/memory.max", "1073741824\n");
        Write("sys/fs/cgroup/pod/box/memory.max", "max\n");
        Assert.Equal(1UL << 30, CgroupMemory.Limit(_root));
        Write("sys/fs/cgroup/pod/box/memory.max", "536870912\n");
        Assert.Equal(512UL << 20, CgroupMemory.Limit(_root));
    }

    [Fact]
    public void Version1_TheMemoryControllersPathCounts()
    {
        Write("proc/self/cgroup", "11:cpu,cpuacct:/other\n7:memory:/box\n");
        Write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "268435456\n");
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        Assert.Equal(256UL << 20, CgroupMemory.Limit(_root));
    }

    [Fact]
    public void NoLimit_IsTheLargestNumber()
    {
        Assert.Equal(ulong.MaxValue, CgroupMemory.Limit(_root));
        Write("proc/self/cgroup", "0::/\nnonsense\n");
        Write("sys/fs/cgroup/memory.max", "max\n");
        Assert.Equal(ulong.MaxValue, CgroupMemory.Limit(_root));
    }

    [Fact]
    public void Machine_IsMemTotal()
    {
        Assert.Equal(0UL, CgroupMemory.Machine(_root));
        Write("proc/meminfo", "MemTotal:       24684092 kB\nMemFree:         1 kB\n");
        Assert.Equal(24_684_092UL << 10, CgroupMemory.Machine(_root));
    }
}
