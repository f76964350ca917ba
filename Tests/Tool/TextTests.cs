// Text in and out: diffs that `patch` takes, line ends that stay, source lines that fit.

using System.Text;
using KAlloc.Tool.Findings;
using KAlloc.Tool.Fix;
using KAlloc.Tool.Output;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class TextTests
{
    [Fact]
    public void Diff_SplitsFarChanges_AndMarksAMissingLineEnd()
    {
        string before = string.Join('\n', Enumerable.Range(1, 20)), after = before.Replace("2\n3\n", "2\nthree\n").Replace("\n20", "\ntwenty");
        Assert.Equal(
            """
            --- a/F.cs
            +++ b/F.cs
            @@ -1,6 +1,6 @@
             1
             2
            -3
            +three
             4
             5
             6
            @@ -17,4 +17,4 @@
             17
             18
             19
            -20
            \ No newline at end of file
            +twenty
            \ No newline at end of file
            """.Split('\n'),
            UnifiedDiff.Lines("F.cs", before, after));
    }

    [Fact]
    public void Diff_KeepsCarriageReturns() =>
        Assert.Equal(["--- a/F.cs", "+++ b/F.cs", "@@ -1,2 +1 @@", "-a\r", " b\r"], UnifiedDiff.Lines("F.cs", "a\r\nb\r\n", "b\r\n"));

    [Theory]
    [InlineData("a\r\nb\r\n", "a\r\nnew\nb\r\n", "a\r\nnew\r\nb\r\n")]
    [InlineData("a\nb\n", "a\nnew\r\nb\n", "a\nnew\nb\n")]
    [InlineData("a\r\nb\nc\r\n", "a\r\nb\nnew\nc\r\n", "a\r\nb\nnew\r\nc\r\n")]
    [InlineData("a", "a\nb", "a\nb")]
    public void LineEnds_AreTheFilesOwn(string before, string fix, string after)
    {
        SourceText original = SourceText.From(before);
        Assert.Equal(after, SourceFile.KeepLineEnds(original, SourceText.From(fix)));
    }

    [Theory]
    [InlineData(new byte[] { 0xEF, 0xBB, 0xBF, 0x61 })]
    [InlineData(new byte[] { 0x61, 0xC3, 0xBC })]
    [InlineData(new byte[] { 0x61, 0xFC, 0x80 })]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x61, 0x00 })]
    [InlineData(new byte[] { })]
    public void File_IsWrittenAsItWasRead(byte[] bytes)
    {
        string file = Path.GetTempFileName();
        File.WriteAllBytes(file, bytes);
        SourceText text = SourceFile.Read(file, declared: null);
        Assert.Equal(bytes, SourceFile.ToBytes(text.ToString(), text.Encoding!));
        File.Delete(file);
    }

    [Theory]
    [InlineData("\tFree(p);", 2, 6, 80, "    ", "Free")]
    [InlineData("    int veryLongStatement = Free(p) + more;", 29, 33, 20, "…ongStatement = ", "Free")]
    [InlineData("Free(p);", 1, 9, 5, "", "Fr…")]
    public void SourceLine_IsCutAroundTheMark(string line, int column, int endColumn, int width, string before, string marked)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, line, Encoding.UTF8);
        Excerpt excerpt = new SourceLines().Read(new SourceSpan(file, 1, column, 1, endColumn), width)!.Value;
        File.Delete(file);
        Assert.Equal(marked, excerpt.Text.Substring(excerpt.MarkStart, excerpt.MarkLength));
        Assert.True(excerpt.Text.Length <= width, excerpt.Text);
        Assert.StartsWith(before, excerpt.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void SourceLine_OfAMissingFile_IsNotShown() => Assert.Null(new SourceLines().Read(new SourceSpan("/no/such/file.cs", 1, 1, 1, 2), 80));
}
