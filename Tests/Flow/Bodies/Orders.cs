// Orders of page blocks, and the two faces of a page: struct page and address.

unsafe class Bodies
{
    private nuint _mem;

    void Same()
    {
        page* p = alloc_pages(GFP_KERNEL, 2);
        if (p == null) return;
        __free_pages(p, 2);
    }

    void Different()
    {
        page* p = alloc_pages(GFP_KERNEL, 2);
        if (p == null) return;
        __free_pages(p, 3); // expect: KA3001
    }

    void SingleForMany()
    {
        nuint p = __get_free_pages(GFP_KERNEL, 2);
        if (p == 0) return;
        free_page(p); // expect: KA3001
    }

    void ManyForSingle()
    {
        nuint p = get_zeroed_page(GFP_KERNEL);
        if (p == 0) return;
        free_pages(p, 1); // expect: KA3001
    }

    void ZeroIsSingle()
    {
        nuint p = __get_free_page(GFP_KERNEL);
        if (p == 0) return;
        free_pages(p, 0);
    }

    void Symbolic(int order)
    {
        page* p = alloc_pages(GFP_KERNEL, order);
        if (p == null) return;
        __free_pages(p, order);
    }

    void SymbolicOffByOne(int order)
    {
        page* p = alloc_pages(GFP_KERNEL, order);
        if (p == null) return;
        __free_pages(p, order + 1); // expect: KA3001
    }

    void ChangedInBetween(int order)
    {
        page* p = alloc_pages(GFP_KERNEL, order);
        if (p == null) return;
        order--;
        __free_pages(p, order + 1);
    }

    void FallsBack(int order)
    {
        page* p = alloc_pages(GFP_KERNEL, order);
        if (p == null)
        {
            order = 0;
            p = alloc_pages(GFP_KERNEL, order);
            if (p == null) return;
        }

        __free_pages(p, order);
    }

    void OfOtherBranch(bool big)
    {
        page* p = alloc_pages(GFP_KERNEL, big ? 3 : 1);
        if (p == null) return;
        __free_pages(p, big ? 3 : 1);
    }

    void OfWrongBranch(bool big)
    {
        page* p = alloc_pages(GFP_KERNEL, big ? 3 : 1);
        if (p == null) return;
        __free_pages(p, 3); // expect: KA3001
    }

    void ThroughAddress()
    {
        page* p = alloc_pages(GFP_KERNEL, 2);
        if (p == null) return;
        free_pages((nuint)page_address(p), 2);
    }

    void ThroughAddressAndBack()
    {
        nuint address = __get_free_pages(GFP_KERNEL, 1);
        if (address == 0) return;
        __free_pages(virt_to_page((void*)address), 1);
    }

    void StructPageAsAddress()
    {
        page* p = alloc_pages(GFP_KERNEL, 2);
        if (p == null) return;
        free_pages((nuint)p, 2); // expect: KA4007
    }

    void PagesAsObject()
    {
        nuint p = __get_free_pages(GFP_KERNEL, 2);
        if (p == 0) return;
        kfree((void*)p); // expect: KA4007
    }

    void ThroughField()
    {
        _mem = __get_free_pages(GFP_KERNEL, 2);
        if (_mem == 0) return;
        free_pages(_mem, 1); // expect: KA3001
    }

    void FieldChangedByOther()
    {
        _mem = __get_free_pages(GFP_KERNEL, 2);
        CalleeChanges();
        free_pages(_mem, 1);
    }

    void CalleeChanges()
    {
        free_pages(_mem, 2);
        _mem = __get_free_pages(GFP_KERNEL, 1);
    }

    void ObjectOfCache(kmem_cache* cache)
    {
        void* p = kmem_cache_alloc(cache, GFP_KERNEL);
        if (p == null) return;
        kfree(p); // expect: KA4007
    }

    static void ByCallersOrder(int order)
    {
        page* pages = alloc_pages(GFP_KERNEL, 2);
        if (pages == null) return;
        __free_pages(pages, order);
    }

    void CallerPassesAnotherOrder() => ByCallersOrder(3); // expect: KA3001

    void CallerPassesTheOrder() => ByCallersOrder(2);

    void OfASize()
    {
        nuint address = __get_free_pages(GFP_KERNEL, get_order(8192));
        if (address != 0) free_pages(address, get_order(8192));
    }

    void OfASizeInNumbers()
    {
        nuint address = __get_free_pages(GFP_KERNEL, get_order(2 * PAGE_SIZE + 1));
        if (address != 0) free_pages(address, 2);
    }

    void OfASizeForSingle()
    {
        nuint address = __get_free_pages(GFP_KERNEL, get_order(8192));
        if (address != 0) free_page(address); // expect: KA3001
    }

    void OfOtherSizes()
    {
        nuint address = __get_free_pages(GFP_KERNEL, get_order(PAGE_SIZE));
        if (address != 0) free_pages(address, get_order(2 * PAGE_SIZE)); // expect: KA3001
    }

    void OfAnySize(int size)
    {
        nuint address = __get_free_pages(GFP_KERNEL, get_order(size));
        if (address != 0) free_pages(address, get_order(size));
    }
}
