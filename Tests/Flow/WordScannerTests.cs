using KAlloc.Analyzers.Host;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>What is read from the text is what the parser reads, or the parser is asked.</summary>
public sealed class WordScannerTests
{
    /// <summary>Identifiers in some places only: to the scanner always. And what a format says.</summary>
    private static readonly HashSet<string> s_more =
    [
        "get", "set", "init", "add", "remove", "partial", "await", "async", "global", "where", "not", "and", "or", "yield", "assembly", "unmanaged", "_", "required", "record", "when",
        "alias", "with", "u8", "from", "select", "let", "var", "orderby", "by", "group", "into", "descending", "ascending", "join", "on", "equals", "extension", "field", "managed", "x8", "F1", "X", "x", "x16", "scoped", "file",
        "method", "return", "type", "nameof", "allows",
    ];

    private static readonly CSharpParseOptions s_options = new(preprocessorSymbols: ["SET"]);

    [Theory]
    [InlineData("class C { void M() { a.b(c); // d \" e\n /* f \" */ g(); } }")]
    [InlineData("class C { string s = \"a \\\" b\", t = @\"c \"\" d\\\", u = \"\", v = @\"\"; char c = '\"', d = '\\'', e = '\\u0041'; int f = g; }")]
    [InlineData("class C { string s = $\"a {b} {{c}} {d(\"e\", f)} {g:X} {(h ? \"i\" : $\"j{k}\")}\"; int l = m; }")]
    [InlineData("class C { string s = $@\"a {b}\n\"\" {{c}} {d}\", t = @$\"{e}\"; int f; }")]
    [InlineData("class C { string s = \"\"\" a \"b\" \"\"\", t = \"\"\"\"\n c \"\"\" d\n \"\"\"\"; int f = g; }")]
    [InlineData("using A.B; using static C.D; using E = F<G>; using unsafe H = int*; class I { void M() { using (j) k(); using var l = m; using N<O, P> q = r; using (var s = t) { } } }")]
    [InlineData("using System; using var a = b; await using (c) d(); using E f = g;")]
    [InlineData("namespace A { using B; using C = D; class E { async void M() { await using var f = g(); } } }")]
    [InlineData("class C { int @class, @lock, lockAll; void M() { lock (a) { @lock = @class; } lock(b) c(); } }")]
    [InlineData("class C { int a = 0x1Fu + 1e5 + 10_000 + 1.5f + b1; A<B> f = new(); C g = new C(); D[] h = new[] { i }; }")]
    [InlineData("#define A\n#nullable enable\n #pragma warning disable CS1\n#region it's \"text\nclass C { int a; }\n#endregion\n")]
    [InlineData("class C { /// <summary>Frees <see cref=\"D\"/>.</summary>\n void M() { } /* unfinished")]
    [InlineData("class C { void M() { a(\"unfinished); b(); } }")]
    [InlineData("class C { void M() { a('x); b('); } }")]
    [InlineData("class C { string s = $\"unfinished {a; } }")]
    [InlineData("#if A\nclass C { it's }\n#else\nclass D { int b; }\n#endif\n")]
    [InlineData("class C { string s = $\"\"\"{a} \"b\" {c(\"d\")}\"\"\", t = $$\"\"\"{a} {{b}}\"\"\"; }")]
    [InlineData("class Größe { int \\u0041b, ü; string s = \"ä\"; } // ö")]
    [InlineData("class C { string s = \"ä\"; /* ö */ int a; }")]
    [InlineData("class C { // a\u2028int b; // c\u0085int d; /* e */\n int f; }")]
    [InlineData("\f#region it's 'a\nclass C { int b; } \f\n\f#if D\n it's \"\n#endif\n")]
    [InlineData("class C { void M() { using A<B>c = d; using E[]f = g; using H?i = j; using K/**/l = m; using // n; o\n P q = r; } }")]
    [InlineData("class C { void M() { string s = $@\"{a:dd//MM}\", t = $\"{b:c/*d}\", u = $@\"{e:h'}\", v = $@\"{f:\"\"\"\"}\", w = $\"{g:}}\"; h('i'); } }")]
    [InlineData("class C { string s = $\"{(a ? b : c):X2}{d[e ? f : g]:h'i'}{j switch { _ => k }:l}\"; }")]
    [InlineData("class C { D e = new/**/(f), g = new // h\n (i), j = new\f(k); }")]
    [InlineData("class C { void M() { a = ''; b(c, '' + d'); e('\nf'); } }")]
    [InlineData("class C { string s = $\"{global::A.B} {c::D.E:F}\"; int f; }")]
    [InlineData("#if SET\nclass C { int a; }\n#elif true\nit's b\n#else\n c \"\n#endif\nclass D { int e; }\n")]
    [InlineData("#if A && !SET\n it's\n #if SET\n \"b\n #else\n c\n #endif\n d\n # else // e\nclass F { int g;\n# if SET\n int h; }\n#endif\n#endif\nclass I { }")]
    [InlineData("#define A\n#if A\nclass B { /*\n#else\n*/ int c; }\n#endif\n#if !A\nit's\n#region d\n#endregion\n#pragma warning disable e\n#endif")]
    [InlineData("class A { string b = @\"\n#if C\n\"; int d; }\n#if E\n it's never ended")]
    [InlineData("#if SET\n#if F\n#elif SET\nclass A { }\n#elif SET\n it's\n#endif\n#else\n it's\n#if SET\n it's\n#endif\n it's\n#endif")]
    [InlineData("#endif\n#else\nclass A { }\n#elif B\n it's\n#if (\n c\n#endif")]
    [InlineData("unsafe struct A { fixed int b[4]; void M() { fixed (int* c = d) { } int* e = stackalloc int[@stackalloc], @fixed = f; } }")]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("$")]
    [InlineData("class C { string s = \"\\")]
    public void Words_AreThoseOfTheParser(string text) => Compare(text);

    [Fact]
    public void Words_OfConditionalCode_AreReadFromTheText() =>
        Assert.True(Compare("#if SET\nclass C { int a; }\n#else\nit's b\n#endif\n"));

    [Fact]
    public void Words_OfManyFiles_AreThoseOfTheParser()
    {
        int files = 0;
        foreach (string name in typeof(WordScannerTests).Assembly.GetManifestResourceNames())
        {
            using var reader = new StreamReader(typeof(WordScannerTests).Assembly.GetManifestResourceStream(name)!);
            if (Compare(reader.ReadToEnd())) files++;
        }

        Assert.True(files > 40, $"only {files} files were read without the parser");
    }

    /// <summary>False if the scanner left it to the parser.</summary>
    private static bool Compare(string text)
    {
        Words parsed = Words.OfTokens(CSharpSyntaxTree.ParseText(text, s_options).GetRoot());
        if (WordScanner.Scan(text, s_options) is not { } scanned) return false;
        Assert.Equal(parsed.MakesUnnamed, scanned.MakesUnnamed);

        // Up to any place, so that the places are compared as well.
        for (int end = text.Length; end >= 0; end -= Math.Max(1, text.Length / 10))
        {
            List<string> expected = In(parsed, end), actual = In(scanned, end);
            int at = 0;
            foreach (string word in actual)
            {
                if (at < expected.Count && expected[at] == word) at++;
                else Assert.Contains(word, s_more);
            }

            Assert.Equal(expected.Count, at);
        }

        return true;

        static List<string> In(Words words, int end)
        {
            var names = new List<string>();
            foreach (int word in words.In(new TextSpan(0, end)))
                if (words.Names[word].Length > 0) names.Add(words.Names[word]);
            return names;
        }
    }
}
