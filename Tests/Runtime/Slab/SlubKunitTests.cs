using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The cases of the kernel's own suite for its slab allocator (lib/tests/slub_kunit.c), with what each says.</summary>
public unsafe class SlubKunitTests
{
    [Fact]
    public void ClobberZone_WhileAllocated()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("TestSlub_RZ_alloc", 64, 0, SlabFlags.RedZone);
        var p = (byte*)memory.CacheAlloc(cache);
        p[64] = 0x12;
        Assert.Contains("Right Redzone overwritten", Assert.Single(memory.Validate()));
        p[64] = 0xcc;
        Sound(memory);
        memory.CacheFree(cache, p);
    }

    [Fact]
    public void NextPointer_Corrupted_AndRepaired()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("TestSlub_next_ptr_free", 64, 0, SlabFlags.Poison);
        var p = (byte*)memory.CacheAlloc(cache);
        memory.CacheFree(cache, p);
        var link = (nuint*)(p + cache->FreeOffset);
        nuint before = *link;
        *link = ~before;
        Assert.Contains(memory.Validate(), error => error.Contains("Freechain corrupt"));
        *link = before;
        Sound(memory);

        // In use it is found too: the rest of the free list is given up, and the cache works on.
        memory.CacheFree(cache, memory.CacheAlloc(cache));
        *link = ~before;
        void* next = null;
        Assert.Contains("Freechain corrupt", Assert.Single(Reports(() => next = memory.CacheAlloc(cache))).Text);
        memory.CacheFree(cache, next);
        Sound(memory);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    [InlineData(63)]
    public void Byte_WrittenAfterFree(int offset)
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("TestSlub_50th_word_free", 64, 0, SlabFlags.Poison);
        var p = (byte*)memory.CacheAlloc(cache);
        memory.CacheFree(cache, p);
        p[offset] = 0x9a;
        Assert.Contains("oison overwritten", Assert.Single(memory.Validate()));
        Bug("First byte 0x9a instead of", () => memory.CacheAlloc(cache));
        Sound(memory);
    }

    [Fact]
    public void ClobberRedzone_AfterFree()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("TestSlub_RZ_free", 64, 0, SlabFlags.RedZone);
        var p = (byte*)memory.CacheAlloc(cache);
        memory.CacheFree(cache, p);
        p[64] = 0xab;
        Assert.Contains("Right Redzone overwritten", Assert.Single(memory.Validate()));
        Bug("First byte 0xab instead of 0xbb", () => memory.CacheAlloc(cache));
    }

    [Fact]
    public void KmallocRedzone_BehindTheSizeAskedFor()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, DebugLevel.Full);
        var p = (byte*)memory.Kmalloc(18);
        p[17] = 1;
        Sound(memory);
        p[18] = 0xab;
        p[19] = 0xab;
        Assert.Contains("kmalloc Redzone overwritten", Assert.Single(memory.Validate()));
        Bug("BUG kmalloc-32: kmalloc Redzone overwritten", () => memory.Kfree(p));
        memory.Kfree(p);

        // Who asks for the size may use it.
        p = (byte*)memory.Kmalloc(18);
        new Span<byte>(p, (int)memory.Ksize(p)).Fill(0xab);
        memory.Kfree(p);
        p = (byte*)memory.Kmalloc(18);
        memory.KfreeSensitive(p);
        Sound(memory);
    }

    [Fact]
    public void KreallocRedzoneZeroing()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, DebugLevel.Full);
        var p = (byte*)memory.Kzalloc(48);
        new Span<byte>(p, 48).Fill(0xff);
        p = (byte*)memory.Krealloc(p, 40, GFP_KERNEL | __GFP_ZERO);
        for (int i = 40; i < 64; i++) Assert.Equal(0xcc, p[i]);
        p = (byte*)memory.Krealloc(p, 56, GFP_KERNEL | __GFP_ZERO);
        for (int i = 0; i < 64; i++) Assert.Equal(i < 40 ? 0xff : i < 56 ? 0 : 0xcc, p[i]);
        p = (byte*)memory.Krealloc(p, 112, GFP_KERNEL | __GFP_ZERO);
        for (int i = 0; i < 128; i++) Assert.Equal(i < 40 ? 0xff : i < 112 ? 0 : 0xcc, p[i]);
        Sound(memory);
        memory.Kfree(p);
        Sound(memory);
    }

    [Fact]
    public void KfreeRcu_ThenDestroy_FindsNothingLeft()
    {
        for (int round = 0; round < 10; round++)
        {
            kmem_cache* cache = kmem_cache_create("TestSlub_kfree_rcu", 64, 0, SLAB_NO_MERGE);
            var p = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
            kfree_rcu(p, (rcu_head*)p);
            rcu_barrier();
            kmem_cache_destroy(cache);
        }
    }

    [Fact]
    public void LeakDestroy()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("TestSlub_leak", 64, 0, SlabFlags.NoMerge);
        void* leaked = memory.CacheAlloc(cache);
        KernelBugException bug = Assert.Throws<KernelBugException>(() => memory.DestroyCache(cache));
        Assert.StartsWith($"BUG TestSlub_leak: Objects remaining on __kmem_cache_shutdown()\nObject 0x{(nuint)leaked:x} @offset=0\n", bug.Message);
        Assert.EndsWith("kmem_cache_destroy TestSlub_leak: Slab cache still has 1 object and stays alive", bug.Message);
    }
}
