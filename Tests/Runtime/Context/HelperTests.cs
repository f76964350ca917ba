using System.Runtime.InteropServices;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>User copies, byte helpers, lists, counters, field offsets, BUG_ON and DMA memory.</summary>
public unsafe class HelperTests
{
    private struct Item
    {
        public bool Flag;
        public char Letter;
        public byte Byte;
        public double Real;
        public fixed byte Buffer[10];
        public list_head Link;
        public void* Pointer;
        public Item* Next;
        public spinlock_t Lock;
    }

    [Fact]
    public void OffsetOf_IsTheManagedLayout()
    {
        Item item = default;
        byte* start = (byte*)&item;
        Assert.Equal((nuint)(&item.Flag) - (nuint)start, offset_of<Item>("Flag"));
        Assert.Equal((nuint)((byte*)&item.Letter - start), offset_of<Item>("Letter"));
        Assert.Equal((nuint)(&item.Byte - start), offset_of<Item>("Byte"));
        Assert.Equal((nuint)((byte*)&item.Real - start), offset_of<Item>("Real"));
        Assert.Equal((nuint)(item.Buffer - start), offset_of<Item>("Buffer"));
        Assert.Equal((nuint)((byte*)&item.Link - start), offset_of<Item>("Link"));
        Assert.Equal((nuint)((byte*)&item.Pointer - start), offset_of<Item>("Pointer"));
        Assert.Equal((nuint)((byte*)&item.Next - start), offset_of<Item>("Next"));
        Assert.Equal((nuint)((byte*)&item.Lock - start), offset_of<Item>("Lock"));
        Assert.Equal((nuint)start, (nuint)container_of<Item>(&item.Link, offset_of<Item>("Link")));
        Assert.Throws<ArgumentException>(() => offset_of<Item>("Nothing"));
    }

    [Fact]
    public void UserCopies_RefuseNullAndKernelAddresses()
    {
        byte* user = stackalloc byte[16];
        byte* kernel = (byte*)get_zeroed_page(GFP_KERNEL);
        user[3] = 7;
        Assert.Equal((nuint)0, copy_from_user(kernel, user, 16));
        Assert.Equal(7, kernel[3]);
        kernel[4] = 9;
        Assert.Equal((nuint)0, copy_to_user(user, kernel, 16));
        Assert.Equal(9, user[4]);
        Assert.Equal((nuint)16, copy_from_user(kernel, null, 16));
        Assert.Equal((nuint)16, copy_to_user(null, kernel, 16));
        Assert.Equal((nuint)16, copy_to_user(kernel, user, 16));
        Assert.Equal((nuint)16, copy_from_user(user, kernel, 16));
        Assert.Equal(nuint.MaxValue, copy_from_user(kernel, user, -1));

        Assert.Equal(0, put_user(0x01020304, (int*)user));
        Assert.Equal(0, get_user(out int value, (int*)user));
        Assert.Equal(0x01020304, value);
        Assert.Equal(-EFAULT, put_user(1, (int*)null));
        Assert.Equal(-EFAULT, get_user(out value, (int*)kernel));
        Assert.Equal(0, value);
        free_page(kernel);
    }

    [Fact]
    public void ByteHelpers_DoWhatTheirNamesSay()
    {
        byte* a = stackalloc byte[8];
        byte* b = stackalloc byte[8];
        Assert.Equal((nuint)a, (nuint)memset(a, 0x141, 8));
        memcpy(b, a, 8);
        Assert.Equal(0, memcmp(a, b, 8));
        b[7]++;
        Assert.True(memcmp(a, b, 8) < 0);
        memmove(b + 1, b, 7);
        Assert.Equal(0x41, b[7]);
        a[3] = 0;
        Assert.Equal((nuint)3, strlen(a));
        Assert.Equal((nuint)2, strnlen(a, 2));
        Assert.Equal(3, strscpy(b, a, 8));
        Assert.Equal(-E2BIG, strscpy(b, a, 3));
        Assert.Equal(0, b[2]);
        memzero_explicit(a, 8);
        Assert.Equal((nuint)0, strlen(a));
        Bug("the size is negative", () => memcpy(null, null, -1));
        Bug("the size is negative", () => memset(null, 0, -1));
    }

    [Fact]
    public void List_KeepsOrder_AndFindsCorruption()
    {
        nuint link = offset_of<Item>("Link");
        var items = (Item*)NativeMemory.AllocZeroed(4, (nuint)sizeof(Item));
        var head = (list_head*)NativeMemory.AllocZeroed((nuint)sizeof(list_head));
        Bug("never initialised", () => list_add_tail(&items[0].Link, head));
        INIT_LIST_HEAD(head);
        Assert.True(list_empty(head));
        for (int i = 0; i < 3; i++)
        {
            items[i].Byte = (byte)i;
            list_add_tail(&items[i].Link, head);
        }

        items[3].Byte = 3;
        list_add(&items[3].Link, head);
        var order = new List<int>();
        foreach (Item* item in list_for_each_entry<Item>(head, link))
        {
            order.Add(item->Byte);
            if (item->Byte == 1) list_del(&item->Link);
        }

        Assert.Equal([3, 0, 1, 2], order);
        Assert.Equal(3, list_first_entry<Item>(head, link)->Byte);
        Bug("->next is LIST_POISON1 (100)", () => list_del(&items[1].Link));
        Bug("list_add double add", () => list_add(&items[3].Link, head));
        items[0].Link.prev = &items[2].Link;
        Bug("list_del corruption. prev->next should be", () => list_del(&items[0].Link));
        NativeMemory.Free(head);
        NativeMemory.Free(items);
    }

    [Fact]
    public void Counters_CountAndSaturate()
    {
        atomic_t a = default;
        atomic_set(ref a, 1);
        atomic_inc(ref a);
        Assert.Equal(2, atomic_read(ref a));
        Assert.Equal(7, atomic_add_return(5, ref a));
        Assert.Equal(7, atomic_cmpxchg(ref a, 7, 2));
        atomic_dec(ref a);
        Assert.True(atomic_dec_and_test(ref a));
        atomic_add(3, ref a);
        Assert.Equal(4, atomic_inc_return(ref a));

        var box = new CountBox();
        refcount_set(ref box.Count, 1);
        refcount_inc(ref box.Count);
        Assert.False(refcount_dec_and_test(ref box.Count));
        Assert.True(refcount_dec_and_test(ref box.Count));
        Assert.False(refcount_inc_not_zero(ref box.Count));
        Assert.Equal("refcount_t: addition on 0; use-after-free.", Assert.Single(Reports(() => refcount_inc(ref box.Count))).Text);
        Assert.True(refcount_read(ref box.Count) < 0);
        refcount_set(ref box.Count, 0);
        Assert.Equal("refcount_t: underflow; use-after-free.", Assert.Single(Reports(() => Assert.False(refcount_dec_and_test(ref box.Count)))).Text);
        refcount_set(ref box.Count, int.MaxValue);
        Assert.Equal("refcount_t: saturated; leaking memory.", Assert.Single(Reports(() => refcount_inc(ref box.Count))).Text);
    }

    private sealed class CountBox
    {
        public refcount_t Count;
    }

    [Fact]
    public void Kref_ReleasesWithTheLastReference()
    {
        var k = (kref*)NativeMemory.AllocZeroed((nuint)sizeof(kref));
        kref_init(ref *k);
        kref_get(ref *k);
        Assert.Equal(2, kref_read(ref *k));
        Assert.Equal(0, kref_put(ref *k, &Release));
        Assert.Equal(1, kref_put(ref *k, &Release));

        static void Release(kref* k) => NativeMemory.Free(k);
    }

    [Fact]
    public void ErrorPointers_CarryTheirNumber()
    {
        void* error = ERR_PTR(-ENOMEM);
        Assert.True(IS_ERR(error));
        Assert.Equal(-ENOMEM, PTR_ERR(error));
        Assert.False(IS_ERR(null));
        int local = 0;
        Assert.False(IS_ERR(&local));
    }

    [Fact]
    public void BugOn_AndWarnOn_NameTheirPlace()
    {
        BUG_ON(false);
        Bug("kernel BUG at Context/HelperTests.cs:", () => BUG_ON(true));
        Assert.False(WARN_ON(false));
        Assert.Contains("at Context/HelperTests.cs:", Assert.Single(Reports(() => Assert.True(WARN_ON(true)))).Text);
        Assert.Single(Reports(() =>
        {
            for (int i = 0; i < 3; i++) Assert.True(WARN_ON_ONCE(true));
        }));
        Assert.Equal("plain", Assert.Single(Reports(() => printk(KERN_ERR + "plain"))).Text);
    }

    [Fact]
    public void DmaMemory_IsZeroedPagesOfZoneDma()
    {
        byte* memory = (byte*)dma_alloc_coherent(null, 5000, out nuint bus, GFP_KERNEL);
        Assert.True(memory != null);
        page* first = virt_to_page(memory);
        Assert.Equal(ZoneType.Dma, (ZoneType)page_zonenum(first));
        Assert.Equal(page_to_pfn(first) * (nuint)PAGE_SIZE, bus);
        Assert.True(bus + 8192 <= 16 << 20);
        for (int i = 0; i < 8192; i++) Assert.Equal(0, memory[i]);
        Bug("is not the memory with bus address", () => dma_free_coherent(null, 5000, memory, bus + 4096));
        dma_free_coherent(null, 5000, memory, bus);
        Assert.True(dma_alloc_coherent(null, 0, out bus, GFP_KERNEL) == null);
    }
}
