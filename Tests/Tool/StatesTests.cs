// `kalloc states`: what the engine knows, found by the names that a user would write.

using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class StatesTests
{
    private const string Code = """
        using System.Runtime.InteropServices;

        int sum = 0;
        nint first = Marshal.AllocHGlobal(8);
        if (args.Length == 0) return 1;
        Marshal.FreeHGlobal(first);
        return sum;

        unsafe class Buffer
        {
            private byte* _data;

            public Buffer(int n) => _data = (byte*)NativeMemory.Alloc((nuint)n);

            public static byte* Copy(byte* source)
            {
                byte* copy = (byte*)NativeMemory.Alloc(16);
                if (source == null) return null;
                *copy = *source;
                return copy;
            }

            public void Copy() { NativeMemory.Free(_data); _data = null; }

            public int Size { get { byte* copy = Copy(_data); NativeMemory.Free(copy); return 16; } }
        }
        """;

    private static Workplace Project() => new Workplace()
        .With("App.csproj", Workplace.Library(properties: "<OutputType>Exe</OutputType>")).With("Program.cs", Code);

    [Fact]
    public async Task Method_IsShownBlockByBlockWithStatesEndsAndSummary()
    {
        using Workplace work = Project();
        Run run = await work.ToolAsync("states", ".", "--method", "Buffer.Copy");
        Assert.True(run.ExitCode == 0, run.ToString());
        foreach (string part in (string[])["Buffer.Copy(byte*)", "\nB0", "copy = (byte*)NativeMemory.Alloc(16)", "\nends\n", "\nsummary\n", "Buffer.Copy()\n"])
            Assert.Contains(part, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Copy", "Buffer.Copy(byte*)")]
    [InlineData("Buffer", "Buffer.Buffer(int)")]
    [InlineData("Size", "Buffer.Size.get")]
    [InlineData("Buffer.Size", "Buffer.Size.get")]
    [InlineData("Main", "first = Marshal.AllocHGlobal(8)")]
    public async Task Names_FindWhatAUserMeans(string name, string shown)
    {
        using Workplace work = Project();
        Run run = await work.ToolAsync("states", ".", "--method", name);
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains(shown, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--mermaid", "flowchart TD")]
    [InlineData("--dot", "digraph \"Buffer.Copy(byte*)\" {")]
    public async Task Pictures_AreInTheirLanguage(string option, string start)
    {
        using Workplace work = Project();
        Run run = await work.ToolAsync("states", ".", "--method", "Buffer.Copy", option);
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains(start, run.Output, StringComparison.Ordinal);
        Assert.Contains("B0", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownMethod_SaysHowToNameOne()
    {
        using Workplace work = Project();
        Run run = await work.ToolAsync("states", ".", "--method", "Nowhere");
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.EndsWith("kalloc: no method of '.' is called 'Nowhere'; write NAME or TYPE.NAME\n", run.Error, StringComparison.Ordinal);
    }
}
