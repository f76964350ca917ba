// Generates methods of every shape that the frame estimate claims to know: structs by value, by reference, copied and returned, spilled
// scalars, stackalloc, buffers, loops, handlers, interpolation, closures, async. The same seed gives the same text.

using System.Text;

namespace KAlloc.Analyzers.Tests.Stack;

internal sealed class FrameGenerator(int seed)
{
    private static readonly string[] s_plain = ["S24", "S40", "S64", "S128", "S256", "S520"];
    private static readonly string[] s_structs = ["S12", "S16", "S24", "S40", "S64", "S128", "S256", "S520", "SRef", "SBuf64", "SBuf300", "SArr96", "SArr400", "SOver"];

    private readonly Random _random = new(seed);
    private readonly StringBuilder _text = new();
    private int _names;

    /// <summary>A program whose class <c>Gen</c> holds <paramref name="methods"/> random methods and all systematic ones, and whose Main has each compiled.</summary>
    internal string Generate(int methods)
    {
        _text.Append(
            """
            using System;
            using System.Collections.Generic;
            using System.Runtime.CompilerServices;
            using System.Runtime.InteropServices;
            using System.Threading.Tasks;
            #pragma warning disable

            public struct S12 { public int a, b, c; }
            public struct S16 { public long a, b; }
            public struct S24 { public long a, b, c; }
            public struct S40 { public long a, b, c, d, e; }
            public struct S64 { public long a, b, c, d, e, f, g, h; }
            public struct S128 { public long a; public S40 b; public S40 c; public S40 d; }
            public struct S256 { public long a; public S128 b; public S40 c; public S40 d; public S40 e; }
            public struct S520 { public long a; public S256 b; public S256 c; }
            public struct SRef { public long a; public object o; public int i; public string s; }
            public unsafe struct SBuf64 { public long a; public fixed byte buf[56]; }
            public unsafe struct SBuf300 { public long a; public fixed byte buf[292]; }
            [InlineArray(12)] public struct Longs12 { long _e; }
            [InlineArray(50)] public struct Longs50 { long _e; }
            public struct SArr96 { public long a; public Longs12 arr; }
            public struct SArr400 { public long a; public Longs50 arr; }
            [StructLayout(LayoutKind.Explicit, Size = 48)] public struct SOver { [FieldOffset(0)] public long a; [FieldOffset(0)] public int lo; [FieldOffset(8)] public S24 rest; }

            """);
        foreach (string type in s_structs)
        {
            _text.Append($$"""
                public static unsafe partial class Callee
                {
                    public static {{type}} Static{{type}};
                    public static {{type}}* Memory{{type}};
                    [MethodImpl(MethodImplOptions.NoInlining)] public static {{type}} Make{{type}}() => default;
                    [MethodImpl(MethodImplOptions.NoInlining)] public static {{type}} Map{{type}}({{type}} s) => s;
                    [MethodImpl(MethodImplOptions.NoInlining)] public static long Take{{type}}({{type}} s) => s.a;
                    [MethodImpl(MethodImplOptions.NoInlining)] public static void Ref{{type}}(ref {{type}} s) { }
                    [MethodImpl(MethodImplOptions.NoInlining)] public static void Out{{type}}(out {{type}} s) => s = default;
                }

                """);
        }

        _text.Append(
            """
            public static unsafe partial class Callee
            {
                public static long Sink;
                [MethodImpl(MethodImplOptions.NoInlining)] public static int Int(int x) => x;
                [MethodImpl(MethodImplOptions.NoInlining)] public static long Long(long x) => x;
                [MethodImpl(MethodImplOptions.NoInlining)] public static double Real(double x) => x;
                [MethodImpl(MethodImplOptions.NoInlining)] public static long Many(long a, long b, long c, long d, long e, long f, long g, long h) => a;
                [MethodImpl(MethodImplOptions.NoInlining)] public static void RefInt(ref int x) { }
                [MethodImpl(MethodImplOptions.NoInlining)] public static void Pointer(void* p) { }
                [MethodImpl(MethodImplOptions.NoInlining)] public static void Bytes(Span<byte> p) { }
                [MethodImpl(MethodImplOptions.NoInlining)] public static void Text(string s) { }
                [MethodImpl(MethodImplOptions.NoInlining)] public static void Run(Action a) { }
                [MethodImpl(MethodImplOptions.NoInlining)] public static List<int> List() => new();
                [MethodImpl(MethodImplOptions.NoInlining)] public static Dictionary<int, S24> Map() => new();
                [MethodImpl(MethodImplOptions.NoInlining)] public static IEnumerable<int> Lazy() => Array.Empty<int>();
                [MethodImpl(MethodImplOptions.NoInlining)] public static int[] Ints() => new int[1];
                [MethodImpl(MethodImplOptions.NoInlining)] public static bool Test() => Sink > 0;
            }

            public static class Program
            {
                public static void Main()
                {
                    foreach (var method in typeof(Gen).GetMethods(System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.DeclaredOnly))
                        RuntimeHelpers.PrepareMethod(method.MethodHandle);
                }
            }

            public static unsafe class Gen
            {

            """);

        int number = 0;
        foreach (string type in s_structs)
        {
            foreach (Func<string, string> statement in s_structStatements)
            {
                for (int count = 1; count <= 3; count += 2) Method($"Sys{number++}", string.Concat(Enumerable.Range(0, count).Select(_ => statement(type).Replace("$", Name()))));
            }
        }

        for (int i = 0; i < methods; i++) Method($"Mix{i}", Block(depth: 0, statements: 2 + _random.Next(8)));
        _text.Append("}\n");
        return _text.ToString();
    }

    /// <summary>Statements about one struct; <c>$</c> becomes a name of its own at each use.</summary>
    private static readonly Func<string, string>[] s_structStatements =
    [
        type => $"{type} $ = Callee.Make{type}(); Callee.Sink += $.a;\n",
        type => $"{type} $ = default; Callee.Ref{type}(ref $); Callee.Sink += $.a;\n",
        type => $"Callee.Out{type}(out {type} $); Callee.Sink += $.a;\n",
        type => $"{type} $ = default; $.a = n; Callee.Sink += $.a + 1;\n",
        type => $"{type} $ = Callee.Make{type}(); Callee.Sink += Callee.Take{type}($);\n",
        type => $"Callee.Sink += Callee.Take{type}(Callee.Make{type}());\n",
        type => $"{type} $ = Callee.Make{type}(); {type} $b = $; Callee.Ref{type}(ref $b); Callee.Sink += $.a;\n",
        type => $"{type} $ = Callee.Map{type}(Callee.Make{type}()); Callee.Sink += $.a;\n",
        type => $"Callee.Sink += Callee.Make{type}().a;\n",
        type => $"{type} $ = *Callee.Memory{type}; Callee.Pointer(&$);\n",
        type => $"{type} $ = Callee.Make{type}(); Callee.Static{type} = $;\n",
        type => $"if (Callee.Test()) {{ {type} $ = Callee.Make{type}(); Callee.Ref{type}(ref $); }}\n",
    ];

    private void Method(string name, string body) =>
        _text.Append($"    [MethodImpl(MethodImplOptions.NoInlining)] public static long {name}(int n, long m, double r)\n    {{\n{body}return Callee.Sink;\n    }}\n");

    private string Name() => "v" + _names++;

    private string Block(int depth, int statements) => string.Concat(Enumerable.Range(0, statements).Select(_ => Statement(depth)));

    private string Statement(int depth)
    {
        string type = s_structs[_random.Next(s_structs.Length)], name = Name(), plain = s_plain[_random.Next(s_plain.Length)];
        int choice = _random.Next(depth < 2 ? 30 : 22);
        return choice switch
        {
            < 9 => s_structStatements[_random.Next(s_structStatements.Length)](type).Replace("$", name),
            9 => $"int {name} = Callee.Int(n); Callee.Int({name}); Callee.Sink += {name};\n",
            10 => $"long {name} = Callee.Long(m), {name}b = Callee.Long(m + 1), {name}c = Callee.Long(2); Callee.Int(n); Callee.Sink += {name} + {name}b * {name}c;\n",
            11 => $"double {name} = Callee.Real(r); Callee.Int(n); Callee.Sink += (long)({name} > 1 ? 1 : 2);\n",
            12 => $"int {name} = n; Callee.RefInt(ref {name}); Callee.Sink += {name};\n",
            13 => $"byte* {name} = stackalloc byte[{16 + _random.Next(12) * 48}]; Callee.Pointer({name});\n",
            14 => $"Span<byte> {name} = stackalloc byte[{16 + _random.Next(12) * 24}]; Callee.Bytes({name});\n",
            15 => $"Callee.Sink += Callee.Many(Callee.Long(1), Callee.Long(2), m, n, Callee.Long(3), 6, 7, Callee.Long(4));\n",
            16 => $"Callee.Text($\"n is {{n}} and m is {{m}}\");\n",
            17 => $"Callee.Sink += Callee.Long(m) + Callee.Long(m * 2) * Callee.Int(n);\n",
            18 => $"{plain} {name} = Callee.Make{plain}(); if ({name}.a > 3) {name} = Callee.Make{plain}(); Callee.Ref{plain}(ref {name});\n",
            19 => $"{plain} {name} = Callee.Test() ? Callee.Make{plain}() : default; Callee.Sink += Callee.Take{plain}({name});\n",
            20 => $"{plain} {name} = new {plain} {{ a = n }}; Callee.Sink += Callee.Take{plain}({name});\n",
            21 => $"{type}* {name} = Callee.Memory{type}; Callee.Int(n); Callee.Sink += {name}->a;\n",
            22 => $"for (int {name} = 0; {name} < n; {name}++)\n{{\n{Block(depth + 1, 1 + _random.Next(3)).Replace("stackalloc byte[", "stackalloc byte[0 * ")}}}\n",
            23 => $"if (Callee.Test())\n{{\n{Block(depth + 1, 1 + _random.Next(3))}}}\nelse\n{{\n{Block(depth + 1, 1 + _random.Next(2))}}}\n",
            24 => $"try\n{{\n{Block(depth + 1, 1 + _random.Next(2))}}}\nfinally\n{{\nCallee.Int(n);\n}}\n",
            25 => $"foreach (int {name} in Callee.List()) Callee.Sink += {name};\n",
            26 => $"foreach (var {name} in Callee.Map()) Callee.Sink += {name}.Value.a;\n",
            27 => $"foreach (int {name} in Callee.Ints()) Callee.Sink += Callee.Int({name});\n",
            28 => $"foreach (int {name} in Callee.Lazy()) Callee.Sink += {name};\n",
            _ => $"{{ int {name} = n; {plain} {name}s = default; Callee.Run(() => {{ Callee.Sink += {name} + {name}s.a; }}); }}\n",
        };
    }
}
