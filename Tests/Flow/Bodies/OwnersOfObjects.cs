// Typed caches, their local views, and the structs that own one of their objects.

struct Header { public int Length; public long Number; }

unsafe class Bodies
{
    private KmemCache<Header> _requests, _replies;
    private KernelMemory _system;

    // Typed caches

    void Object() { Header* header = _requests.Alloc(); header->Length = 1; _requests.Free(header); }

    void ObjectLost()
    {
        Header* header = _requests.Alloc();
        header->Length = 1;
    } // expect: KA4001

    void ObjectTriedAndNull() { Header* header = _requests.TryAlloc(); if (header == null) return; _requests.Free(header); }

    void ObjectFreedTwice()
    {
        Header* header = _requests.Alloc();
        _requests.Free(header);
        _requests.Free(header); // expect: KA4005
    }

    void ObjectUsedAfterFree()
    {
        Header* header = _requests.Alloc();
        _requests.Free(header);
        header->Length = 1; // expect: KA4006
    }

    void ObjectFreedToAnother()
    {
        Header* header = _requests.Alloc();
        _replies.Free(header); // expect: KA4009
    }

    void ObjectFreedToAnotherCreatedHere()
    {
        KmemCache<Header> one = _system.CreateCache<Header>("one"), two = _system.CreateCache<Header>("two");
        Header* header = one.Alloc();
        two.Free(header); // expect: KA4009
        two.Dispose();
        one.Dispose();
    }

    void ObjectFreedByKfree()
    {
        Header* header = _requests.Alloc();
        kfree(header); // expect: KA4007
    }

    void ObjectOfOneOfTwo(bool reply)
    {
        KmemCache<Header> cache = reply ? _replies : _requests;
        Header* header = cache.Alloc();
        cache.Free(header);
    }

    void ObjectsOfParameters(KmemCache<Header> one, KmemCache<Header> two) { Header* header = one.Alloc(); two.Free(header); }

    void LocalView()
    {
        KmemCacheLocal<Header> local = _requests.Local;
        Header* header = local.Alloc();
        local.Free(header);
    }

    void LocalViewFreedToTheCache() { Header* header = _requests.Local.Alloc(); _requests.Free(header); }

    void CachesObjectFreedToTheLocalView() { KmemCacheLocal<Header> local = _requests.Local; Header* header = _requests.Alloc(); local.Free(header); }

    void LocalViewOfAnother()
    {
        KmemCacheLocal<Header> local = _replies.Local, copy = local;
        Header* header = _requests.Alloc();
        copy.Free(header); // expect: KA4009
    }

    void LocalObjectLost()
    {
        KmemCacheLocal<Header> local = _requests.Local;
        local.Alloc()->Length = 1;
    } // expect: KA4001

    void LocalFreedTwice()
    {
        KmemCacheLocal<Header> local = _requests.Local;
        Header* header = local.Alloc();
        local.Free(header);
        local.Free(header); // expect: KA4005
    }

    // Structs that own an object

    void OwnedByAUsing() { using Owned<Header> owned = _requests.AllocOwned(); owned.Value.Length = 1; owned.Pointer->Number = 2; }

    void OwnedAndDisposed() { Owned<Header> owned = _requests.AllocOwned(); owned.Value.Length = 1; owned.Dispose(); owned.Dispose(); }

    void OwnedAndLost()
    {
        Owned<Header> owned = _requests.AllocOwned();
        owned.Value.Length = 1;
    } // expect: KA4001

    void OwnedNotKept()
    {
        _requests.AllocOwned(); // expect: KA4003
    }

    void OwnedAndReleased()
    {
        Header* header;
        using (Owned<Header> owned = _requests.AllocOwned())
        {
            owned.Value.Length = 1;
            header = owned.Release();
        }

        header->Number = 1;
        _requests.Free(header);
    }

    void ReleasedAndLost()
    {
        using Owned<Header> owned = _requests.AllocOwned();
        Header* header = owned.Release();
    } // expect: KA4001

    Header* ReleasedAndReturned() { using Owned<Header> owned = _requests.AllocOwned(); owned.Value.Length = 1; return owned.Release(); }

    void OwnedAndCopied()
    {
        Owned<Header> owned = _requests.AllocOwned(), copy = owned;
        owned.Dispose();
        copy.Dispose(); // expect: KA4005
    }

    void OwnedAndFreedByHand()
    {
        using Owned<Header> owned = _requests.AllocOwned(); // expect: KA4005
        _requests.Free(owned.Pointer);
    }

    void OwnedUsedAfterDispose()
    {
        Owned<Header> owned = _requests.AllocOwned();
        Header* header = owned.Pointer;
        owned.Dispose();
        header->Length = 1; // expect: KA4006
    }

    Header* PointerReturnedOutOfAUsing()
    {
        using Owned<Header> owned = _requests.AllocOwned();
        return owned.Pointer; // expect: KA4006
    }

    int ValueReturnedOutOfAUsing() { using Owned<Header> owned = _requests.AllocOwned(); return owned.Value.Length; }

    Owned<Header> OwnedReturned() { Owned<Header> owned = _requests.AllocOwned(); owned.Value.Length = 1; return owned; }

    void OwnedPassedOn() { Owned<Header> owned = _requests.AllocOwned(); Take(ref owned); }

    void OwnedPassedByValue() { TakeByValue(_requests.AllocOwned()); }

    static void Take(ref Owned<Header> owned) => owned.Dispose();

    static void TakeByValue(Owned<Header> owned) => owned.Dispose();

    void OwnedInALoop()
    {
        for (int i = 0; i < 10; i++)
        {
            using Owned<Header> owned = _requests.AllocOwned();
            owned.Value.Length = i;
        }
    }
}
