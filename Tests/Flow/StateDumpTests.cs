using System.Text.RegularExpressions;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>What <c>kalloc states</c> shows of a body: text, and pictures in two languages.</summary>
public sealed partial class StateDumpTests
{
    private const string Source = """
        using System; using static KAlloc.Linux;
        unsafe class C
        {
            static int Send(nuint count)
            {
                void* command = kmalloc(count, GFP_KERNEL);
                if (command == null) return -12;
                Console.WriteLine("<a> & \"b\"");
                void Done() => kfree(command);
                Done();
                return 0;
            }

            static int Other() => 1;
        }
        """;

    private static IReadOnlyList<string> Dump(string name, string format) => StateDump.Of(KernelSetup.CreateCompilation(Source), name, format, CancellationToken.None);

    [Theory]
    [InlineData("Send")]
    [InlineData("C.Send")]
    public void Text_HasBlocksEndsAndSummary_OfTheBodyAndItsFunctions(string name)
    {
        IReadOnlyList<string> dumps = Dump(name, "text");
        Assert.Equal(2, dumps.Count);
        Assert.Contains("command = owned kmalloc", dumps[0], StringComparison.Ordinal);
        Assert.Contains("\nends\n    · line 7: return -12; command = null\n", dumps[0], StringComparison.Ordinal);
        Assert.Contains("command = freed kmalloc", dumps[0], StringComparison.Ordinal);
        Assert.Contains("\nsummary\n    · ", dumps[0], StringComparison.Ordinal);
        Assert.Contains("Done", dumps[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Name_OfNothing_GivesNothing() => Assert.Empty(Dump("Nobody", "text"));

    [Fact]
    public void Mermaid_IsAFlowchartOfKnownBoxes_WithMarkupEscaped()
    {
        string picture = Dump("Send", "mermaid")[0];
        Assert.Contains("\nflowchart TD\n", picture, StringComparison.Ordinal);
        string[] boxes = [.. MermaidBox().Matches(picture).Select(match => match.Groups[1].Value)];
        Assert.True(boxes.Length > 3, picture);
        MatchCollection arrows = MermaidArrow().Matches(picture);
        Assert.NotEmpty(arrows);
        Assert.All(arrows, arrow => Assert.Contains(arrow.Groups[1].Value, boxes));
        Assert.All(arrows, arrow => Assert.True(arrow.Groups[2].Value[0] == 'X' || boxes.Contains(arrow.Groups[2].Value), arrow.Value));
        Assert.Contains("&lt;a&gt; &amp; ", picture, StringComparison.Ordinal);
        // Every label is one quoted string: what is in it has no quotes of its own.
        Assert.All(MermaidBox().Matches(picture), box => Assert.DoesNotContain('"', box.Groups[2].Value));
    }

    [Fact]
    public void Graphviz_IsADigraphOfKnownBoxes_WithTextEscaped()
    {
        string picture = Dump("Send", "dot")[0];
        Assert.StartsWith("digraph \"", picture, StringComparison.Ordinal);
        Assert.EndsWith("}\n", picture, StringComparison.Ordinal);
        string[] boxes = [.. DotBox().Matches(picture).Select(match => match.Groups[1].Value)];
        Assert.True(boxes.Length > 3, picture);
        MatchCollection arrows = DotArrow().Matches(picture);
        Assert.NotEmpty(arrows);
        Assert.All(arrows, arrow => Assert.Contains(arrow.Groups[1].Value, boxes));
        Assert.All(arrows, arrow => Assert.True(arrow.Groups[2].Value.StartsWith("out", StringComparison.Ordinal) || boxes.Contains(arrow.Groups[2].Value), arrow.Value));
        Assert.Equal(0, Quote().Count(picture) % 2);
    }

    [GeneratedRegex(@"^    (B\d+)\[""(.*)""\]$", RegexOptions.Multiline)]
    private static partial Regex MermaidBox();

    [GeneratedRegex(@"^    (B\d+) -->(?:\|\w+\|)? ([BX]\d+)", RegexOptions.Multiline)]
    private static partial Regex MermaidArrow();

    [GeneratedRegex(@"^    (B\d+) \[label=", RegexOptions.Multiline)]
    private static partial Regex DotBox();

    [GeneratedRegex(@"^    (B\d+) -> (\w+)", RegexOptions.Multiline)]
    private static partial Regex DotArrow();

    [GeneratedRegex(@"(?<!\\)""")]
    private static partial Regex Quote();
}
