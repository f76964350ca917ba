using System.Text;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>One test for each kmalloc call, on the kernel face, with what each refuses.</summary>
[Collection("alone")]
public unsafe class KmallocCallTests
{
    [Fact]
    public void kmalloc_EverySize_IsUsableAndAligned()
    {
        for (int size = 1; size <= 20000; size += size < 300 ? 1 : 97)
        {
            var memory = (byte*)kmalloc(size, GFP_KERNEL);
            Assert.True(memory != null);
            int alignment = Math.Max(8, Math.Min(size & -size, PAGE_SIZE));
            Assert.Equal(0, (nint)memory % alignment);
            new Span<byte>(memory, size).Fill(0xA5);
            Assert.True(ksize(memory) >= (nuint)size);
            Assert.Equal(kmalloc_size_roundup(size), ksize(memory));
            kfree(memory);
        }
    }

    [Fact]
    public void kmalloc_Zero_IsZeroSizePtr()
    {
        void* nothing = kmalloc(0, GFP_KERNEL);
        Assert.True(nothing == ZERO_SIZE_PTR);
        Assert.Equal((nuint)0, ksize(nothing));
        kfree(nothing);
        kfree(null);
    }

    [Fact]
    public void kmalloc_OverTheLimit_IsNullWithAWarning()
    {
        KernelReport report = Assert.Single(Reports(() => Assert.True(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL) == null)));
        Assert.Contains("KMALLOC_MAX_SIZE", report.Text);
        Assert.Empty(Reports(() => Assert.True(kmalloc(-1, GFP_KERNEL | __GFP_NOWARN) == null)));
        void* largest = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL);
        Assert.Equal((nuint)KMALLOC_MAX_SIZE, ksize(largest));
        kfree(largest);
    }

    [Fact]
    public void kmalloc_WrongZoneFlags_AreFixedUpWithAWarning()
    {
        void* memory = null;
        KernelReport report = Assert.Single(Reports(() => memory = kmalloc(100, GFP_KERNEL | __GFP_HIGHMEM)));
        Assert.Contains("Unexpected gfp: 0x2 (__GFP_HIGHMEM). Fixing up to gfp: 0xcc0 (GFP_KERNEL). Fix your code!", report.Text);
        kfree(memory);
    }

    [Fact]
    public void kmalloc_Dma_ComesFromZoneDma()
    {
        void* buffer = kmalloc(300, GFP_DMA | GFP_KERNEL);
        Assert.Equal(ZoneType.Dma, page_zonenum(virt_to_page(buffer)));
        Assert.Contains("dma-kmalloc-320", KernelMemory.Default.Describe(buffer));
        kfree(buffer);
    }

    [Fact]
    public void kzalloc_ReadsAsZeroToTheEndOfItsClass()
    {
        foreach (int size in (int[])[1, 8, 100, 200, 1000, 5000, 9000, 100_000])
        {
            void* dirty = kmalloc(size, GFP_KERNEL);
            new Span<byte>(dirty, (int)ksize(dirty)).Fill(0xFF);
            kfree(dirty);
            void* zeroed = kzalloc(size, GFP_KERNEL);
            Assert.Equal(-1, new Span<byte>(zeroed, (int)ksize(zeroed)).IndexOfAnyExcept((byte)0));
            kfree(zeroed);
        }
    }

    [Fact]
    public void kcalloc_ProductThatOverflows_IsNull()
    {
        Assert.True(kcalloc(nuint.MaxValue / 2, 4, GFP_KERNEL | __GFP_NOWARN) == null);
        Assert.True(kmalloc_array(nuint.MaxValue, nuint.MaxValue, GFP_KERNEL | __GFP_NOWARN) == null);
        long* numbers = kcalloc<long>(10, GFP_KERNEL);
        Assert.Equal(0, numbers[9]);
        kfree(numbers);
    }

    [Fact]
    public void krealloc_KeepsTheContent()
    {
        var memory = (byte*)krealloc(null, 10, GFP_KERNEL);
        new Span<byte>(memory, 10).Fill(7);
        Assert.True(krealloc(memory, 16, GFP_KERNEL) == memory);
        memory = (byte*)krealloc(memory, 50_000, GFP_KERNEL);
        Assert.Equal(-1, new Span<byte>(memory, 10).IndexOfAnyExcept((byte)7));
        Assert.True(krealloc(memory, nuint.MaxValue, GFP_KERNEL | __GFP_NOWARN) == null);
        Assert.True(krealloc(memory, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
    }

    [Fact]
    public void krealloc_Zeroed_StaysZeroedWhereItGrows()
    {
        var memory = (byte*)kzalloc(48, GFP_KERNEL);
        new Span<byte>(memory, 48).Fill(1);
        memory = (byte*)krealloc(memory, 40, GFP_KERNEL | __GFP_ZERO);
        memory = (byte*)krealloc(memory, 56, GFP_KERNEL | __GFP_ZERO);
        memory = (byte*)krealloc(memory, 112, GFP_KERNEL | __GFP_ZERO);
        for (int i = 0; i < 112; i++) Assert.Equal(i < 40 ? 1 : 0, memory[i]);
        kfree(memory);
    }

    [Fact]
    public void kfree_ForeignPointer_IsABug()
    {
        int local = 0;
        nuint stack = (nuint)(&local);
        Bug("Not a kmalloc allocation", () => kfree((void*)stack));
        nuint pages = __get_free_pages(GFP_KERNEL, 1);
        Bug("it is an allocated block of order 1", () => kfree((void*)pages));
        free_pages(pages, 1);
    }

    [Fact]
    public void kfree_InteriorPointer_IsABugThatNamesTheObject()
    {
        var memory = (byte*)kmalloc(64, GFP_KERNEL);
        Bug($"0x{(nuint)memory + 8:x} is inside a kmalloc-64 object that starts at 0x{(nuint)memory:x} (offset 8)", () => kfree(memory + 8));
        kfree(memory);
        var large = (byte*)kmalloc(100_000, GFP_KERNEL);
        Bug($"is inside a kmalloc allocation of 131072 bytes that starts at 0x{(nuint)large:x} (offset 8192)", () => kfree(large + 8192));
        Bug("(offset 16)", () => kfree(large + 16));
        kfree(large);
        Bug("it is free", () => kfree(large));
    }

    [Fact]
    public void kfree_TwiceInARow_IsABug()
    {
        void* memory = kmalloc(128, GFP_KERNEL);
        kfree(memory);
        Bug("double free", () => kfree(memory));
        void* again = kmalloc(128, GFP_KERNEL);
        void* other = kmalloc(128, GFP_KERNEL);
        Assert.True(again != other);
        kfree(again);
        kfree(other);
    }

    [Fact]
    public void kfree_sensitive_LeavesZeros()
    {
        var secret = (byte*)kmalloc(256, GFP_KERNEL);
        new Span<byte>(secret, 256).Fill(0x42);
        kfree_sensitive(secret);
        Assert.Equal(-1, new Span<byte>(secret, 64).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void kfree_bulk_FreesAllSizes()
    {
        void** objects = stackalloc void*[4];
        for (int i = 0; i < 4; i++) objects[i] = kmalloc(10 << (i * 3), GFP_KERNEL);
        kfree_bulk(4, objects);
    }

    [Fact]
    public void kmemdup_kstrdup_kasprintf_Copy()
    {
        fixed (byte* text = "hello, world\0"u8)
        {
            byte* copy = kstrdup(text, GFP_KERNEL);
            byte* part = kstrndup(text, 5, GFP_KERNEL);
            byte* bytes = kmemdup_nul(text, 3, GFP_KERNEL);
            void* raw = kmemdup(text, 13, GFP_KERNEL);
            byte* number = kasprintf(GFP_KERNEL, $"disk{7}");
            Assert.Equal("hello, world", Text(copy));
            Assert.Equal("hello", Text(part));
            Assert.Equal("hel", Text(bytes));
            Assert.Equal("hello, world", Text((byte*)raw));
            Assert.Equal("disk7", Text(number));
            kfree(copy);
            kfree(part);
            kfree(bytes);
            kfree(raw);
            kfree(number);
        }

        Assert.True(kstrdup(null, GFP_KERNEL) == null);
    }

    [Fact]
    public void SizeArithmetic_Saturates()
    {
        Assert.Equal((nuint)116, struct_size(16, 10, 10));
        Assert.Equal(nuint.MaxValue, struct_size(16, nuint.MaxValue, 2));
        Assert.Equal(nuint.MaxValue, size_add(nuint.MaxValue, 1));
        Assert.Equal(nuint.MaxValue, array_size(nuint.MaxValue, 2));
    }

    private static string Text(byte* text) => Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
}
