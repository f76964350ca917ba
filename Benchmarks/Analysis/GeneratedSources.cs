// Projects made by rule, for what public code does not hold: thousands of lines of kernel-style code, one enormous body, a project of 200,000 lines.

using System.Text;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Benchmarks.Analysis;

internal static class GeneratedSources
{
    private const string Usings = "using KAlloc; using static KAlloc.Linux;\n";

    /// <summary>Drivers of about <paramref name="lines"/> lines: allocation, unwinding by goto, locks, helpers that free for their callers.</summary>
    internal static SourceProject KernelStyle(int lines)
    {
        var random = new Random(17);
        var files = new List<(string, SourceText)>();
        for (int file = 0, written = 0; written < lines; file++)
        {
            var text = new StringBuilder(Usings).Append($"namespace Generated.Driver{file};\npublic unsafe class Device\n{{\n    private void* _buffer;\n    private KernelSpinLock _lock;\n");
            for (int method = 0; method < 24; method++) text.Append(Method(random, method));
            SourceText source = SourceText.From(text.Append("}\n").ToString());
            files.Add(($"Driver{file}.cs", source));
            written += source.Lines.Count;
        }

        return new SourceProject("generated/kernel-style", files, []);
    }

    /// <summary>One method of <paramref name="statements"/> statements that allocate, test and free in turn.</summary>
    internal static SourceProject LongMethod(int statements)
    {
        var text = new StringBuilder(Usings).Append("public static unsafe class Long\n{\n    public static int Run(int n)\n    {\n        int sum = 0;\n");
        for (int i = 0; i < statements / 4; i++)
            text.Append($"        void* p{i} = kmalloc(64, GFP_KERNEL);\n        if (p{i} == null) return -1;\n        sum += *(int*)p{i} + n;\n        kfree(p{i});\n");
        return Single("generated/long method", text.Append("        return sum;\n    }\n}\n"));
    }

    /// <summary>One switch of <paramref name="lines"/> lines, each case with memory of its own.</summary>
    internal static SourceProject LongSwitch(int lines)
    {
        var text = new StringBuilder(Usings).Append("public static unsafe class Wide\n{\n    public static int Run(int n)\n    {\n        switch (n)\n        {\n");
        for (int i = 0; i < lines / 5; i++)
            text.Append($"            case {i}:\n                void* p{i} = kmalloc({i + 1}, GFP_KERNEL);\n                if (p{i} == null) return -{i};\n                kfree(p{i});\n                return {i};\n");
        return Single("generated/long switch", text.Append("            default: return 0;\n        }\n    }\n}\n"));
    }

    /// <summary>A project of <paramref name="lines"/> lines of ordinary code, one file in fifty of it kernel-style.</summary>
    internal static SourceProject Large(int lines)
    {
        var random = new Random(5);
        var files = new List<(string, SourceText)>();
        for (int file = 0, written = 0; written < lines; file++)
        {
            bool kernel = file % 50 == 0;
            var text = new StringBuilder(Usings).Append($"namespace Generated.Part{file};\npublic unsafe class Device\n{{\n    private void* _buffer;\n    private KernelSpinLock _lock;\n");
            for (int method = 0; method < 12; method++) text.Append(kernel ? Method(random, method) : Plain(random, method));
            SourceText source = SourceText.From(text.Append("}\n").ToString());
            files.Add(($"{(kernel ? "Kernel" : "Plain")}{file}.cs", source));
            written += source.Lines.Count;
        }

        return new SourceProject("generated/large", files, []);
    }

    private static SourceProject Single(string name, StringBuilder text) => new(name, [("Single.cs", SourceText.From(text.ToString()))], []);

    private static string Plain(Random random, int method) => $$"""
            public int Sum{{method}}(int[] values, string name)
            {
                int total = {{random.Next(100)}};
                foreach (int value in values)
                {
                    if (value % {{random.Next(2, 9)}} == 0) continue;
                    total += value * name.Length;
                }

                return total > {{random.Next(1000)}} ? total : name.IndexOf('{{(char)('a' + random.Next(26))}}');
            }

        """;

    private static string Method(Random random, int method) => (method % 6) switch
    {
        0 => $$"""
                public int Open{{method}}(int size)
                {
                    void* a = kmalloc((nuint)size, GFP_KERNEL);
                    if (a == null) return -12;
                    void* b = kmalloc({{random.Next(16, 4000)}}, GFP_KERNEL);
                    if (b == null) goto free_a;
                    void* c = kmalloc({{random.Next(16, 4000)}}, GFP_KERNEL);
                    if (c == null) goto free_b;
                    ((byte*)c)[0] = 1;
                    kfree(c);
                    kfree(b);
                    kfree(a);
                    return 0;
                free_b:
                    kfree(b);
                free_a:
                    kfree(a);
                    return -12;
                }

            """,
        1 => $$"""
                public int Locked{{method}}(int n)
                {
                    spin_lock(ref _lock);
                    void* p = kmalloc({{random.Next(16, 400)}}, GFP_ATOMIC);
                    if (p == null)
                    {
                        spin_unlock(ref _lock);
                        return -12;
                    }

                    for (int i = 0; i < n; i++) ((byte*)p)[i & 7] = (byte)i;
                    spin_unlock(ref _lock);
                    Release{{method + 1}}(p);
                    return n;
                }

            """,
        2 => $$"""
                private static void Release{{method}}(void* p)
                {
                    if (p == null) return;
                    kfree(p);
                }

            """,
        3 => $$"""
                public void Swap{{method}}(int n)
                {
                    void* fresh = kmalloc((nuint)n, GFP_KERNEL);
                    void* old = _buffer;
                    _buffer = fresh;
                    kfree(old);
                }

            """,
        4 => $$"""
                private static void* Make{{method}}(int n, bool zero)
                {
                    void* p = zero ? kzalloc((nuint)n, GFP_KERNEL) : kmalloc((nuint)n, GFP_KERNEL);
                    if (p == null) return null;
                    ((int*)p)[0] = n;
                    return p;
                }

            """,
        _ => $$"""
                public int Use{{method}}(int n)
                {
                    int sum = 0;
                    for (int i = 0; i < n; i++)
                    {
                        void* p = Make{{method - 1}}(n, i % {{random.Next(2, 5)}} == 0);
                        if (p == null) break;
                        sum += ((int*)p)[0];
                        kfree(p);
                    }

                    return sum;
                }

            """,
    };
}
