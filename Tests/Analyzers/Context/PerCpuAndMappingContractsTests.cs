using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

/// <summary>The rules read off the contracts of per-CPU memory, kmap_atomic and vmalloc what those calls do; no rule knows them by name.</summary>
public sealed class PerCpuAndMappingContractsTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Theory]
    [InlineData("static int M(int n) { int cpu = get_cpu(); if (n < cpu) {|KA1006:return n;|} put_cpu(); return 0; }")]
    [InlineData("static void M() { get_cpu(); Kept = {|KA1001:kmalloc(64, GFP_KERNEL)|}; put_cpu(); }")]
    [InlineData("static void M() { get_cpu(); {|KA1003:msleep(1)|}; put_cpu(); }")]
    [InlineData("static void M(long* c) { long* mine = get_cpu_ptr(c); *mine += 1; {|KA1003:msleep(1)|}; put_cpu_ptr(c); }")]
    [InlineData("static int M(int n) { long* c = alloc_percpu<long>(); if (c == null) return -ENOMEM; if (n < 0) {|KA4001:return n;|} free_percpu(c); return 0; }")]
    [InlineData("static void M() { void* c = __alloc_percpu(64, 8); {|KA4007:kfree(c)|}; }")]
    [InlineData("static void M() { void* c = __alloc_percpu(64, 8); free_percpu(c); {|KA4005:free_percpu(c)|}; }")]
    [InlineData("static void M(Page* p) { void* a = kmap_atomic(p); {|KA1003:msleep(1)|}; kunmap_atomic(a); }")]
    [InlineData("static int M(Page* p, int n) { void* a = kmap_atomic(p); if (n < 0) {|KA1006:return n;|} kunmap_atomic(a); return 0; }")]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = {|KA1002:__vmalloc(64, GFP_KERNEL)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = {|KA1002:vmalloc_huge(1 << 22, GFP_KERNEL)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M(Page** p) { void* a = vm_map_ram(p, 2, 0); {|KA4007:vunmap(a)|}; }")]
    public Task Misuse_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { get_cpu(); get_cpu(); put_cpu(); put_cpu(); }")]
    [InlineData("static long M() { long* c = alloc_percpu<long>(); if (c == null) return 0; long sum = 0; foreach (int cpu in for_each_possible_cpu()) sum += *per_cpu_ptr(c, cpu); free_percpu(c); return sum; }")]
    [InlineData("static void M(long* c) { get_cpu_ptr(c)[0]++; put_cpu_ptr(c); msleep(1); }")]
    [InlineData("static void M(Page* p, Page* q) { void* a = kmap_atomic(p); void* b = kmap_atomic(q); memcpy(a, b, 64); kunmap_atomic(b); kunmap_atomic(a); msleep(1); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = __vmalloc(64, GFP_ATOMIC); spin_unlock(ref Lock); }")]
    [InlineData("static void M(Page** p) { void* a = vm_map_ram(p, 2, 0); if (a != null) vm_unmap_ram(a, 2); }")]
    public Task RightUse_StaysSilent(string members) => VerifyAsync(members);
}
