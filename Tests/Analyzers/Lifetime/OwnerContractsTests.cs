using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

/// <summary>
/// What the contracts of typed caches, of what they hand out, and of buffers say to each rule. The bodies in <c>Tests/Flow/Bodies/Owners*.cs</c> have the ways through code.
/// </summary>
public sealed class OwnerContractsTests
{
    private const string Fields = "KernelMemoryPool _pool = null!; KmemCache<long> _a = null!, _b = null!; KernelMemory _memory = null!;\n";

    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(Fields + members));

    [Fact]
    public Task UseAfterDispose_ShowsWhereItWasRentedAndDisposed() => Verify.VerifyPathAsync(
        Sources.Class(Fields + "void M() { IMemoryOwner<byte> owner = {|#1:_pool.Rent(10)|}; Memory<byte> memory = owner.Memory; {|#2:owner.Dispose()|}; {|#0:memory.Span|}.Clear(); }"),
        Verify.Diagnostic("KA4006").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("memory.Span", "reaches into", "IDisposable.Dispose"),
        "'owner' is allocated here by 'KernelMemoryPool.Rent'",
        "'IDisposable.Dispose' frees it here before");

    [Fact]
    public Task OtherCache_NamesBoth() => Verify.VerifyPathAsync(
        Sources.Class(Fields + "void M() { long* p = {|#1:_a.Alloc()|}; {|#0:_b.Free(p)|}; }"),
        Verify.Diagnostic("KA4009").WithLocation(0).WithLocation(1).WithArguments("p", "_a", "_b"),
        "'p' is allocated here from '_a'");

    [Fact]
    public Task CopyThatIsDisposedToo_IsFreedTwice() => Verify.VerifyPathAsync(
        Sources.Class(Fields + "void M() { Owned<long> one = {|#1:_a.AllocOwned()|}, two = one; {|#2:one.Dispose()|}; {|#0:two.Dispose()|}; }"),
        Verify.Diagnostic("KA4005").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("two", "Owned.Dispose", "Owned.Dispose"),
        "'one' is allocated here by 'KmemCache.AllocOwned'",
        "'Owned.Dispose' frees it here first");

    [Theory]
    [InlineData("sealed class Kept(KernelMemoryPool pool) { private readonly IMemoryOwner<byte> _owner = {|KA4011:pool.Rent(10)|}; public int Length => _owner.Memory.Length; }")]
    [InlineData("sealed class Kept { private readonly IMemoryOwner<byte> _owner; public Kept(KernelMemoryPool pool) { {|KA4011:_owner = pool.Rent(10)|}; } public void Clear() => _owner.Memory.Span.Clear(); }")]
    [InlineData("sealed class Kept(KernelMemoryPool pool) { private readonly KernelBufferWriter _writer = {|KA4011:new KernelBufferWriter(pool)|}; public int Length => _writer.WrittenSpan.Length; }")]
    [InlineData("sealed class Kept(KmemCache<long> cache) { private readonly long* _number = {|KA4011:cache.Alloc()|}; public long Number => *_number; }")]
    public Task Field_ThatNoMethodFrees_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("sealed class Kept(KernelMemoryPool pool) : IDisposable { private readonly IMemoryOwner<byte> _owner = pool.Rent(10); public void Dispose() => _owner.Dispose(); }")]
    [InlineData("sealed class Kept(KernelMemoryPool pool) : IDisposable { private IMemoryOwner<byte>? _owner = pool.Rent(10); public void Dispose() { _owner?.Dispose(); _owner = null; } }")]
    [InlineData("sealed class Kept(KernelMemoryPool pool) : IDisposable { private IMemoryOwner<byte>? _owner = pool.Rent(10); public void Dispose() => System.Threading.Interlocked.Exchange(ref _owner, null)?.Dispose(); }")]
    [InlineData("sealed class Kept(KernelMemoryPool pool) : IDisposable { private IMemoryOwner<byte> _owner = pool.Rent(10); public void Grow(int n) { IMemoryOwner<byte> larger = pool.Rent(n); _owner.Memory.CopyTo(larger.Memory); _owner.Dispose(); _owner = larger; } public void Dispose() { using (_owner) { } } }")]
    [InlineData("sealed class Kept(KernelMemoryPool pool) { private readonly IMemoryOwner<byte> _owner = pool.Rent(10); public IMemoryOwner<byte> Owner => _owner; }")]
    [InlineData("sealed class Kept(KernelMemoryPool pool) : IDisposable { private readonly KernelBufferWriter _writer = new(pool); public void Dispose() => _writer.Dispose(); }")]
    [InlineData("sealed class Kept(MemoryPool<byte> pool) { private readonly IMemoryOwner<byte> _owner = pool.Rent(10); public int Length => _owner.Memory.Length; }")]
    [InlineData("sealed class Kept(KernelMemory memory) { private readonly SafeKernelMemoryHandle _handle = memory.AllocateHandle(10); public int Length => _handle.AsSpan().Length; }")]
    [InlineData("sealed class Kept(KmemCache<long> cache) : IDisposable { private readonly long* _number = cache.Alloc(); public void Dispose() => cache.Free(_number); }")]
    public Task Field_ThatIsDisposedOrHandedOut_StaysSilent(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static async Task M(KernelMemoryPool pool, System.IO.Stream s) { using IMemoryOwner<byte> owner = pool.Rent(10); int n = await s.ReadAsync(owner.Memory); await s.WriteAsync(owner.Memory[..n]); }")]
    [InlineData("static async Task M(KernelMemoryPool pool, System.IO.Stream s) { IMemoryOwner<byte> owner = pool.Rent(10); try { await s.ReadExactlyAsync(owner.Memory); } finally { owner.Dispose(); } }")]
    [InlineData("static async Task<IMemoryOwner<byte>> M(KernelMemoryPool pool, System.IO.Stream s) { IMemoryOwner<byte> owner = pool.Rent(10); await s.ReadExactlyAsync(owner.Memory); return owner; }")]
    [InlineData("static async Task<int> M(MemoryPool<byte> pool, System.IO.Stream s) { int n; using (IMemoryOwner<byte> owner = pool.Rent(10)) n = await s.ReadAsync(owner.Memory); return n; }")]
    public Task OwnersInAsyncCode_StaySilent(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static async Task M(KernelMemoryPool pool, System.IO.Stream s) { IMemoryOwner<byte> owner = pool.Rent(10); int n = await s.ReadAsync(owner.Memory); if (n == 0) {|KA4001:return;|} owner.Dispose(); }")]
    [InlineData("static async Task M(MemoryPool<byte> pool, System.IO.Stream s) { IMemoryOwner<byte> owner = pool.Rent(10); Memory<byte> m = owner.Memory; owner.Dispose(); await s.WriteAsync({|KA4006:m|}); }")]
    public Task OwnersInAsyncCode_Report(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("void M() { using (Owned<long> o = _a.AllocOwned()) { long* p = o.Pointer; *p = 1; } }")]
    [InlineData("void M(bool x) { Owned<long> o = x ? _a.AllocOwned() : _b.AllocOwned(); o.Dispose(); }")]
    [InlineData("void M() { Owned<long> o = default; try { o = _a.AllocOwned(); o.Value = 1; } finally { o.Dispose(); } }")]
    [InlineData("long M() { using var o = _a.AllocOwned(); ref long n = ref o.Value; n = 3; return n; }")]
    [InlineData("void M() { scoped Owned<long> o = _a.AllocOwned(); Give(ref o); } void Give(scoped ref Owned<long> o) { long* p = o.Release(); _a.Free(p); }")]
    [InlineData("void M() { foreach (int i in new[] { 1, 2 }) { using var o = _a.AllocOwned(GfpFlags.Atomic); o.Value = i; } }")]
    public Task OwnedObjects_RightlyUsed_StaySilent(string members) => VerifyAsync(members);
}
