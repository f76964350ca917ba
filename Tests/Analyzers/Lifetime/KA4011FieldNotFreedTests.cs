using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4011FieldNotFreedTests
{
    private const string Usings = """
        using System;
        using System.Collections.Generic;
        using System.Runtime.InteropServices;
        using System.Threading;
        using KAlloc;
        using static KAlloc.Linux;

        """;

    private static Task VerifyAsync(string type) => Verify.VerifyAnalyzerAsync(Usings + type);

    private static string Owner(string members, string bases = "") => $"unsafe class Owner{bases}\n{{\n{members}\n}}";

    [Fact]
    public Task Message_NamesTheAllocatorAndTheRemedy() => Verify.VerifyPathAsync(
        Usings + Owner("private byte* _data; public Owner() { {|#0:_data = (byte*){|#1:kmalloc(8, GFP_KERNEL)|}|}; }"),
        Verify.Diagnostic("KA4011").WithLocation(0).WithLocation(1).WithArguments("_data", "kmalloc", "no method of 'Owner' frees", "kfree"),
        "the memory is allocated here by 'kmalloc'");

    [Theory]
    [InlineData("private byte* _data = {|KA4011:(byte*)NativeMemory.Alloc(8)|};")]
    [InlineData("private nint _data; public Owner(int n) { {|KA4011:_data = Marshal.AllocHGlobal(n)|}; } public int First => Marshal.ReadInt32(_data);")]
    [InlineData("private byte* _data; public void Open(nuint n) { if (_data != null) return; byte* p = (byte*)NativeMemory.Alloc(n); *p = 1; {|KA4011:_data = p|}; } public byte this[int i] => _data[i];")]
    [InlineData("private void* _a, _b; public Owner() { _a = kmalloc(8, GFP_KERNEL); {|KA4011:_b = kmalloc(8, GFP_KERNEL)|}; } public void Destroy() { kfree(_a); _a = null; }")]
    [InlineData("private nint _data; public Owner() { {|KA4011:_data = Make()|}; } private static nint Make() => Marshal.AllocHGlobal(8);")]
    [InlineData("private nint _data; public Owner() { {|KA4011:_data = Marshal.AllocHGlobal(8)|}; Action read = () => Marshal.ReadByte(_data); read(); }")]
    [InlineData("private byte* _data; public Owner() { {|KA4011:_data = (byte*)NativeMemory.Alloc(8)|}; } public Span<byte> Bytes => new Span<byte>(_data, 8);")]
    [InlineData("private byte* _data; public int Open(bool bad) { {|KA4011:_data = (byte*)kmalloc(8, GFP_KERNEL)|}; if (_data == null) return -12; if (bad) { kfree(_data); _data = null; return -5; } return 0; }")]
    public Task Field_NoMethodFrees_Reports(string members) => VerifyAsync(Owner(members));

    [Theory]
    [InlineData("static KernelMemoryPool s_pool; private readonly KernelBufferWriter _writer = {|KA4011:new(s_pool)|}; public int Written => _writer.WrittenCount;")]
    [InlineData("static KernelMemoryPool s_pool; private readonly KernelBufferWriter _writer = {|KA4011:new KernelBufferWriter(s_pool)|}; public int Written => _writer.WrittenCount;")]
    [InlineData("private readonly KernelBufferWriter _writer; public Owner(KernelMemoryPool pool) { {|KA4011:_writer = new(pool)|}; } public int Written => _writer.WrittenCount;")]
    [InlineData("static KernelMemoryPool s_pool; private readonly KernelBufferWriter _a = {|KA4011:new(s_pool)|}, _b = new(s_pool); public void Dispose() => _b.Dispose(); public int Written => _a.WrittenCount;")]
    public Task Field_ThatIsMadeToOwn_Reports(string members) => VerifyAsync(Owner(members));

    [Fact]
    public Task Field_OfAPrimaryConstructor_Reports() => VerifyAsync("class Sender(KernelMemoryPool pool) { private readonly KernelBufferWriter _writer = {|KA4011:new(pool)|}; public int Written => _writer.WrittenCount; }");

    [Theory]
    [InlineData("static KernelMemoryPool s_pool; private readonly KernelBufferWriter _writer = new(s_pool); public void Dispose() => _writer.Dispose();")]
    [InlineData("static KernelMemoryPool s_pool; private readonly KernelBufferWriter _writer = new(s_pool); public KernelBufferWriter Take() => _writer;")]
    [InlineData("private readonly System.Text.StringBuilder _text = new(10); private readonly object _gate = new(); public int Length => _text.Length;")]
    [InlineData("private static readonly KernelBufferWriter s_writer = new(KernelMemory.Default.CreateBufferPool()); public int Written => s_writer.WrittenCount;")]
    public Task Field_ThatIsMadeToOwnAndFreed_StaysSilent(string members) => VerifyAsync(Owner(members));

    [Theory]
    [InlineData("private byte* _data; private nuint _n; public void Grow(nuint n) { byte* p = (byte*)NativeMemory.Alloc(n); NativeMemory.Free(_data); {|KA4011:_data = p|}; _n = n; }")]
    [InlineData("private byte* _data; public void Grow(nuint n) { {|KA4011:_data = (byte*)NativeMemory.Realloc(_data, n)|}; }")]
    [InlineData("private byte* _data; public void Reset() { kfree(_data); {|KA4011:_data = (byte*)kmalloc(8, GFP_KERNEL)|}; }")]
    public Task Field_FreedOnlyToBeReplaced_Reports(string members) => VerifyAsync(Owner(members));

    [Theory]
    [InlineData("private nint _data; public Owner() { {|KA4011:_data = Marshal.AllocHGlobal(8)|}; } public void Close() { Marshal.FreeHGlobal(_data); _data = 0; } public void Dispose() { }")]
    [InlineData("private nint _data, _other; public Owner() { {|KA4011:_data = Marshal.AllocHGlobal(8)|}; _other = Marshal.AllocHGlobal(8); } void Close() { Marshal.FreeHGlobal(_data); _data = 0; } void End() { Marshal.FreeHGlobal(_other); } public void Dispose() { End(); GC.SuppressFinalize(this); }")]
    public Task Field_OfTheConstructorNotFreedInDispose_Reports(string members) => VerifyAsync(Owner(members, " : IDisposable"));

    [Theory]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); public void Dispose() { Marshal.FreeHGlobal(_data); _data = 0; }")]
    [InlineData("private nint _data; public Owner() { _data = Marshal.AllocHGlobal(8); } public void Dispose() => Dispose(true); protected virtual void Dispose(bool disposing) { if (_data != 0) Marshal.FreeHGlobal(_data); }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); ~Owner() => Marshal.FreeHGlobal(_data); public void Dispose() { Marshal.FreeHGlobal(_data); GC.SuppressFinalize(this); }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); public void Dispose() => Close(); void Close() { var p = _data; _data = 0; if (p != 0) Marshal.FreeHGlobal(p); }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); public void Dispose() { nint p = Interlocked.Exchange(ref _data, 0); if (p != 0) Marshal.FreeHGlobal(p); }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); private readonly List<Action> _undo = new(); public Owner() { _undo.Add(() => Marshal.FreeHGlobal(_data)); } public void Dispose() { foreach (Action a in _undo) a(); }")]
    [InlineData("private nint _data; public void Start() { _data = Marshal.AllocHGlobal(8); } public void Stop() { Marshal.FreeHGlobal(_data); _data = 0; } public void Dispose() { }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); private Action _close; public Owner() { _close = Close; } void Close() { Marshal.FreeHGlobal(_data); } public void Dispose() { _close(); }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); public void Dispose() { Pool.Give(this); } internal void Close() { Marshal.FreeHGlobal(_data); } static class Pool { internal static void Give(Owner o) => o.Close(); }")]
    [InlineData("private nint _data = Marshal.AllocHGlobal(8); public virtual void Close() { Marshal.FreeHGlobal(_data); } public void Dispose() { }")]
    public Task Field_FreedInDispose_StaysSilent(string members) => VerifyAsync(Owner(members, " : IDisposable"));

    [Theory]
    [InlineData("public byte* Data; public Owner() { Data = (byte*)NativeMemory.Alloc(8); }")]
    [InlineData("internal byte* Data; public Owner() { Data = (byte*)NativeMemory.Alloc(8); }")]
    [InlineData("protected byte* Data; public Owner() { Data = (byte*)NativeMemory.Alloc(8); }")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); } public byte* Data => _data;")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); } public byte* Take() { byte* p = _data; _data = null; return p; }")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); } public ref byte* Data => ref _data;")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); Register(_data); } static extern void Register(byte* p);")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); } public void Close() => Release(_data); [DllImport(\"x\")] static extern void Release(byte* p);")]
    [InlineData("private byte* _data; public Owner(byte* data) { _data = data; }")]
    [InlineData("private byte* _data; public Owner(Owner other) { other._data = (byte*)NativeMemory.Alloc(8); } static void Free(Owner o) => NativeMemory.Free(o._data);")]
    [InlineData("private byte* _data; private static byte* s_all; public Owner() { _data = (byte*)NativeMemory.Alloc(8); s_all = _data; } static void End() => NativeMemory.Free(s_all);")]
    [InlineData("private byte* _data, _end; public Owner() { _data = (byte*)NativeMemory.Alloc(8); _end = _data + 8; } public void Close() => NativeMemory.Free(_end - 8);")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); fixed (byte** p = &_data) Free(p); } static void Free(byte** p) { NativeMemory.Free(*p); }")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); Free(ref _data); } static void Free(ref byte* p) { NativeMemory.Free(p); p = null; }")]
    [InlineData("private byte* _data; private Action<nint> _free = p => NativeMemory.Free((void*)p); public Owner() { _data = (byte*)NativeMemory.Alloc(8); } public void Close() => _free((nint)_data);")]
    [InlineData("private readonly Stack<nint> _free = new(); private byte* _data; public void Swap() { _free.Push((nint)_data); _data = (byte*)NativeMemory.Alloc(8); } public void Close() { while (_free.TryPop(out nint p)) NativeMemory.Free((void*)p); }")]
    [InlineData("private byte* _data; void Open() { _data = (byte*)NativeMemory.Alloc(8); } public void Run() { Open(); _data[0] = 1; NativeMemory.Free(_data); _data = null; }")]
    [InlineData("private byte* _data; void Open() { _data = (byte*)NativeMemory.Alloc(8); } public byte* Run() { Open(); return _data; }")]
    [InlineData("private byte* _data; byte* Open() { byte* p = (byte*)NativeMemory.Alloc(8); _data = p; return p; } public void Run() { byte* p = Open(); NativeMemory.Free(p); }")]
    [InlineData("private static byte* s_data; static Owner() { s_data = (byte*)NativeMemory.Alloc(8); }")]
    [InlineData("private byte* _data; private static readonly Owner s_one = new(); Owner() { _data = (byte*)NativeMemory.Alloc(8); } static byte First => s_one._data[0];")]
    [InlineData("private byte* _data; public static Owner Instance { get; } = new(); Owner() { _data = (byte*)NativeMemory.Alloc(8); }")]
    [InlineData("private byte[] _data = System.Buffers.ArrayPool<byte>.Shared.Rent(8);")]
    [InlineData("private GCHandle _pin; public Owner(byte[] a) { _pin = GCHandle.Alloc(a, GCHandleType.Pinned); }")]
    [InlineData("private byte* _data; public Owner() { _data = (byte*)NativeMemory.Alloc(8); _data[0] = {|CS0103:missing|}; }")]
    [InlineData("private nint _data; public Owner() { _data = Marshal.AllocHGlobal(8); } IEnumerable<nint> All() { yield return _data; }")]
    [InlineData("private SafeBuffer _data; sealed class SafeBuffer : SafeHandle { public SafeBuffer() : base(0, true) => SetHandle(Marshal.AllocHGlobal(8)); public override bool IsInvalid => handle == 0; protected override bool ReleaseHandle() { Marshal.FreeHGlobal(handle); return true; } } public Owner() { _data = new(); }")]
    public Task Field_ThatOthersMayFree_StaysSilent(string members) => VerifyAsync(Owner(members));

    [Fact]
    public Task Partial_FreedInOtherPart_StaysSilent() => VerifyAsync("unsafe partial class Owner { private void* _data = kmalloc(8, GFP_KERNEL); } unsafe partial class Owner { public void Destroy() { kfree(_data); _data = null; } }");

    [Fact]
    public Task NestedType_FreesForItsOwner_StaysSilent() => VerifyAsync("unsafe class Owner { private void* _data = kmalloc(8, GFP_KERNEL); class Killer { public void Kill(Owner o) { kfree(o._data); o._data = null; } } }");

    [Fact]
    public Task NestedPrivateStruct_NobodyFrees_Reports() => VerifyAsync("unsafe class Owner { private struct Node { public void* Data; } private Node _node; public Owner() { {|KA4011:_node.Data = kmalloc(8, GFP_KERNEL)|}; } }");

    [Fact]
    public Task NestedPrivateStruct_FreedInALoop_StaysSilent() => VerifyAsync("unsafe class Owner { private struct Node { public void* Data; } private Node[] _nodes = new Node[4]; public Owner() { _nodes[0].Data = kmalloc(8, GFP_KERNEL); } public void Destroy() { foreach (Node n in _nodes) kfree(n.Data); } }");

    [Fact]
    public Task Struct_NoMethodFrees_Reports() => VerifyAsync("unsafe struct Owner { private void* _data; private int _n; public Owner(int n) { {|KA4011:_data = kmalloc(8, GFP_KERNEL)|}; _n = n; } public int N => _n; }");

    [Fact]
    public Task Struct_LaidOutForNativeCode_StaysSilent() => VerifyAsync("[StructLayout(LayoutKind.Sequential)] unsafe struct Owner { private void* _data; private int _n; public static Owner Make() { Owner o = default; o._data = kmalloc(8, GFP_KERNEL); o._n = 1; return o; } }");

    [Fact]
    public Task Class_LaidOutForNativeCode_StaysSilent() => VerifyAsync("""
        [StructLayout(LayoutKind.Explicit)]
        class Variant : IDisposable
        {
            [FieldOffset(0)] private short _kind;
            [FieldOffset(8)] private nint _text;
            public void Set(string text) { Clear(); _kind = 31; _text = Marshal.StringToCoTaskMemUni(text); }
            public short Kind => _kind;
            public void Clear() => Native.Clear(this);
            public void Dispose() => Clear();
            private static class Native { [DllImport("ole32")] internal static extern int Clear(Variant variant); }
        }
        """);

    [Theory]
    [InlineData("Native.Clear(ref this)")]
    [InlineData("{ fixed (Variant* self = &this) Native.ClearAt(self); }")]
    public Task Struct_ThatNativeCodeClears_StaysSilent(string clear) => VerifyAsync($$"""
        unsafe struct Variant
        {
            private short _kind;
            private nint _text;
            public void Set(string text) { _kind = 31; _text = Marshal.StringToCoTaskMemUni(text); }
            public short Kind => _kind;
            public void Clear() {{(clear[0] == '{' ? clear : "=> " + clear + ";")}}
            private static class Native
            {
                [DllImport("ole32")] internal static extern int Clear(ref Variant variant);
                [DllImport("ole32", EntryPoint = "Clear")] internal static extern unsafe int ClearAt(Variant* variant);
            }
        }
        """);

    [Fact]
    public Task Struct_ThatNobodyClears_Reports() => VerifyAsync("""
        struct Variant
        {
            private short _kind;
            private nint _text;
            public void Set(string text) { _kind = 31; {|KA4011:_text = Marshal.StringToCoTaskMemUni(text)|}; }
            public short Kind => _kind;
            public void Clear() => _kind = 0;
        }
        """);

    [Fact]
    public Task Inherited_DisposeInTheBase_StaysSilent() => VerifyAsync("abstract class Base : IDisposable { public void Dispose() => Close(); protected abstract void Close(); } unsafe class Owner : Base { private void* _data = kmalloc(8, GFP_KERNEL); protected override void Close() { kfree(_data); } }");

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Usings + Owner("private void* _data = kmalloc(8, GFP_KERNEL);"), [("dotnet_diagnostic.KA4011.severity", "none")]);
}
