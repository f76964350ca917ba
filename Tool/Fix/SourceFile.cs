// Reads and writes source files so that nothing but the fixed lines changes: the byte order mark, the encoding and the line ends stay.

using System.Text;
using DiffPlex;
using DiffPlex.Chunkers;
using DiffPlex.Model;
using KAlloc.Tool.Output;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Tool.Fix;

/// <summary>Source files as bytes.</summary>
internal static class SourceFile
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the text, and remembers in it how to write it back.</summary>
    internal static SourceText Read(string path, Encoding? declared)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"cannot read '{path}': {e.Message}");
        }

        using MemoryStream stream = new(bytes);
        return SourceText.From(stream, FromMark(bytes) ?? declared ?? (IsUtf8(bytes) ? StrictUtf8 : Encoding.Latin1));
    }

    /// <summary>The bytes of <paramref name="text"/> in its own encoding, line ends made those of <paramref name="original"/>.</summary>
    internal static byte[] ToBytes(string text, Encoding encoding) => [.. encoding.GetPreamble(), .. encoding.GetBytes(text)];

    /// <summary>
    /// The line ends of a fix are the platform's; the file keeps its own. A file that mixes them keeps the mix outside of what changed.
    /// </summary>
    internal static string KeepLineEnds(SourceText original, SourceText changed)
    {
        string before = original.ToString();
        int crlf = Count(before, "\r\n"), lf = before.Count(c => c == '\n') - crlf;
        if (crlf == 0 && lf == 0) return changed.ToString();
        string own = crlf > lf ? "\r\n" : "\n";
        if (crlf == 0 || lf == 0) return WithLineEnds(changed.ToString(), own);

        return MixedLineEnds(before, changed.ToString(), own);
    }

    // Lines that are in both texts keep what they had; new ones get the more frequent line end.
    private static string MixedLineEnds(string before, string after, string own)
    {
        string[] old = TextLines.Split(before), now = TextLines.Split(after);
        DiffResult diff = Differ.Instance.CreateDiffs(before, after, ignoreWhiteSpace: false, ignoreCase: false, new CustomFunctionChunker(TextLines.SplitWithoutLineEnds));
        StringBuilder result = new();
        int a = 0, b = 0;
        foreach (DiffBlock block in diff.DiffBlocks)
        {
            for (; a < block.DeleteStartA; a++, b++) result.Append(old[a]);
            a += block.DeleteCountA;
            for (int end = b + block.InsertCountB; b < end; b++) result.Append(WithLineEnds(now[b], own));
        }

        for (; a < old.Length; a++) result.Append(old[a]);
        return result.ToString();
    }

    private static string WithLineEnds(string text, string lineEnd)
    {
        string plain = text.Replace("\r\n", "\n");
        return lineEnd == "\n" ? plain : plain.Replace("\n", lineEnd);
    }

    private static int Count(string text, string part)
    {
        int count = 0;
        for (int i = text.IndexOf(part, StringComparison.Ordinal); i >= 0; i = text.IndexOf(part, i + part.Length, StringComparison.Ordinal)) count++;
        return count;
    }

    private static Encoding? FromMark(byte[] bytes) => bytes switch
    {
        [0xEF, 0xBB, 0xBF, ..] => new UTF8Encoding(encoderShouldEmitUTF8Identifier: true),
        [0xFF, 0xFE, 0, 0, ..] => new UTF32Encoding(bigEndian: false, byteOrderMark: true),
        [0xFF, 0xFE, ..] => new UnicodeEncoding(bigEndian: false, byteOrderMark: true),
        [0xFE, 0xFF, ..] => new UnicodeEncoding(bigEndian: true, byteOrderMark: true),
        _ => null,
    };

    // A file in an old 8-bit code page: Latin-1 maps every byte to one character and back, so what is not fixed survives as it is.
    private static bool IsUtf8(byte[] bytes)
    {
        try
        {
            StrictUtf8.GetCharCount(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
