// What is put in one by one and freed in loops of other kinds: by what an index selects, in two loops, through references, spans and links.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Thing { public int value; public Thing* next; }

unsafe class Bodies
{
    static Thing* New() => kzalloc<Thing>(GFP_KERNEL);
    static nint NewNumber() => (nint)kmalloc(4, GFP_KERNEL);

    static byte* Never() => (byte*)NativeMemory.Alloc(4);

    static void NullTerminated()
    {
        byte** all = stackalloc byte*[4] { Never(), Never(), Never(), null };
        for (byte** at = all; *at != null; at++) NativeMemory.Free(*at);
    }

    static void NullTerminatedWhile()
    {
        byte** all = stackalloc byte*[4];
        all[0] = Never();
        all[1] = Never();
        all[2] = Never();
        all[3] = null;
        int i = 0;
        while (all[i] != null) NativeMemory.Free(all[i++]);
    }

    static void NullTerminatedByACallee()
    {
        byte** all = stackalloc byte*[4] { Never(), Never(), Never(), null };
        FreeTerminated(all);
    }

    static void FreeTerminated(byte** all)
    {
        while (*all != null) NativeMemory.Free(*all++);
    }

    // The loop ends where the second could not be allocated.

    static void NullTerminatedTooEarly()
    {
        Thing** all = stackalloc Thing*[4] { New(), New(), New(), null };
        for (int i = 0; all[i] != null; i++) kfree(all[i]);
    } // expect: KA4001, KA4001

    static void FreedIfLate()
    {
        Thing** all = stackalloc Thing*[5] { null, null, New(), New(), New() };
        for (int i = 0; i < 5; i++)
            if (i >= 2) kfree(all[i]);
    }

    static void ByUnsafeAddOfASpan()
    {
        Span<nint> all = [NewNumber(), NewNumber(), NewNumber()];
        ref nint first = ref MemoryMarshal.GetReference(all);
        for (int i = 0; i < 3; i++) kfree((void*)System.Runtime.CompilerServices.Unsafe.Add(ref first, i));
    }

    static void ByUnsafeAddOnce()
    {
        nint[] all = [NewNumber(), 0];
        ref nint second = ref all[1];
        second = NewNumber();
        kfree((void*)System.Runtime.CompilerServices.Unsafe.Subtract(ref second, 1));
        kfree((void*)System.Runtime.CompilerServices.Unsafe.Add(ref all[0], 1));
        kfree((void*)all[1]); // expect: KA4005
    }

    static void InParamsOnce()
    {
        FreeAll(NewNumber());
    }

    static void InParamsOfStructs()
    {
        FreePairs(new Pair(1, NewNumber()), new Pair(2, NewNumber()), new Pair(3, NewNumber()));
    }

    readonly record struct Pair(int Key, nint Memory);

    static void FreePairs(params ReadOnlySpan<Pair> all)
    {
        foreach (Pair p in all) kfree((void*)p.Memory);
    }

    static void InASpanOfACallee()
    {
        Span<nint> all = stackalloc nint[3];
        all[0] = NewNumber();
        all[1] = NewNumber();
        FreeSpan(all);
    }

    static void FreeSpan(Span<nint> all)
    {
        foreach (ref nint p in all)
        {
            kfree((void*)p);
            p = 0;
        }
    }

    static int s_sum;

    static void LostInTheLoopThatUsesIt(int n)
    {
        Thing* p = New();
        if (p == null) return;
        for (int i = 0; i < n; i++)
        {
            s_sum += p->value;
            Console.WriteLine(s_sum);
        }
    } // expect: KA4001

    static void InTwoLoops()
    {
        Thing*[] all = [New(), New(), New(), New(), New(), New()];
        for (int row = 0; row < 2; row++)
            for (int i = 0; i < 3; i++) kfree(all[row * 3 + i]);
    }

    static void TwoDimensions()
    {
        nint[,] all = { { NewNumber(), NewNumber(), NewNumber() }, { NewNumber(), NewNumber(), NewNumber() } };
        for (int row = 0; row < 2; row++)
            for (int i = 0; i < 3; i++) kfree((void*)all[row, i]);
    }

    static void Jagged()
    {
        nint[][] all = [[NewNumber(), NewNumber(), NewNumber()], [NewNumber(), NewNumber(), NewNumber()], [NewNumber()]];
        for (int row = 0; row < all.Length; row++)
            for (int i = 0; i < all[row].Length; i++) kfree((void*)all[row][i]);
    }

    static void JaggedInForEach()
    {
        nint[][] all = [[NewNumber(), NewNumber(), NewNumber()], [NewNumber(), NewNumber(), NewNumber()], [NewNumber()]];
        foreach (nint[] row in all)
            foreach (nint p in row) kfree((void*)p);
    }

    static void SwitchedByIndex()
    {
        Thing* a = New(), b = New(), c = New();
        for (int i = 0; i < 3; i++)
        {
            switch (i)
            {
                case 0: kfree(a); break;
                case 1: kfree(b); break;
                case 2: kfree(c); break;
            }
        }
    }

    static void SelectedByIndex()
    {
        Thing* a = New(), b = New(), c = New();
        for (int i = 0; i < 3; i++) kfree(i == 0 ? a : i == 1 ? b : c);
    }

    static void LinkedByHand()
    {
        Thing* a = New(), b = New(), c = New();
        if (a == null || b == null || c == null) { kfree(a); kfree(b); kfree(c); return; }
        a->next = b; b->next = c; c->next = null;
        for (Thing* t = a; t != null;)
        {
            Thing* next = t->next;
            kfree(t);
            t = next;
        }
    }

    static void LinkedByHandWhile()
    {
        Thing* head = null;
        for (int i = 0; i < 3; i++)
        {
            Thing* t = New();
            if (t == null) break;
            t->next = head;
            head = t;
        }

        while (head != null)
        {
            Thing* next = head->next;
            kfree(head);
            head = next;
        }
    }

    static void LinkedObjects()
    {
        var all = new LinkedList<nint>();
        all.AddLast(NewNumber());
        all.AddLast(NewNumber());
        all.AddLast(NewNumber());
        for (LinkedListNode<nint> at = all.First; at != null; at = at.Next) kfree((void*)at.Value);
    }

    static void SortedOnes()
    {
        var all = new SortedDictionary<int, nint> { [3] = NewNumber(), [1] = NewNumber(), [2] = NewNumber() };
        foreach (KeyValuePair<int, nint> each in all) kfree((void*)each.Value);
    }

    static void DictionaryPairs()
    {
        var all = new Dictionary<string, nint> { ["a"] = NewNumber(), ["b"] = NewNumber(), ["c"] = NewNumber() };
        foreach (string key in all.Keys) kfree((void*)all[key]);
    }

    static void DictionaryByArrayOfKeys()
    {
        var all = new Dictionary<int, nint> { [1] = NewNumber(), [2] = NewNumber(), [3] = NewNumber() };
        foreach (int key in new[] { 1, 2, 3 }) kfree((void*)all[key]);
    }

    static void TakenWhileAny()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber() };
        while (all.Any())
        {
            kfree((void*)all[0]);
            all.RemoveAt(0);
        }
    }

    static void FreedByRecursion()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        FreeFrom(all, 0, 3);
    }

    static void FreeFrom(Thing** all, int i, int n)
    {
        if (i == n) return;
        kfree(all[i]);
        FreeFrom(all, i + 1, n);
    }

    static void TuplesInAnArray()
    {
        (nint Memory, int Size)[] all = [(NewNumber(), 1), (NewNumber(), 2), (NewNumber(), 3)];
        for (int i = 0; i < all.Length; i++) kfree((void*)all[i].Memory);
    }

    static void TuplesInForEach()
    {
        (nint Memory, int Size)[] all = [(NewNumber(), 1), (NewNumber(), 2), (NewNumber(), 3)];
        foreach ((nint memory, int _) in all) kfree((void*)memory);
    }

    static void InTheMiddleOfABlock()
    {
        byte** block = (byte**)kzalloc(64, GFP_KERNEL);
        if (block == null) return;
        block[0] = (byte*)kmalloc(4, GFP_KERNEL);
        block[1] = (byte*)kmalloc(4, GFP_KERNEL);
        block[2] = (byte*)kmalloc(4, GFP_KERNEL);
        for (int i = 0; i < 3; i++) kfree(block[i]);
        kfree(block);
    }

    static void BlockLeftToACallee()
    {
        byte** block = (byte**)kzalloc(64, GFP_KERNEL);
        if (block == null) return;
        block[0] = (byte*)kmalloc(4, GFP_KERNEL);
        block[1] = (byte*)kmalloc(4, GFP_KERNEL);
        block[2] = (byte*)kmalloc(4, GFP_KERNEL);
        FreeBlock(block);
    }

    static void FreeBlock(byte** block)
    {
        for (int i = 0; i < 3; i++) kfree(block[i]);
        kfree(block);
    }

    sealed class Three : IDisposable
    {
        private readonly nint[] _all = new nint[3];

        public Three()
        {
            for (int i = 0; i < _all.Length; i++) _all[i] = NewNumber();
        }

        public void Dispose()
        {
            for (int i = 0; i < _all.Length; i++) kfree((void*)_all[i]);
        }
    }

    static void DisposedThree() { using var three = new Three(); }

    static void ThreeOfThree()
    {
        Three[] all = [new(), new(), new()];
        foreach (Three three in all) three.Dispose();
    }

    static void PoolOwnersInAnArray(System.Buffers.MemoryPool<byte> pool, KernelMemoryPool own)
    {
        System.Buffers.IMemoryOwner<byte>[] all = [own.Rent(1), own.Rent(2), own.Rent(3)];
        for (int i = 0; i < all.Length; i++) all[i].Dispose();
    }

    static void PoolOwnersInAList(KernelMemoryPool own)
    {
        var all = new List<System.Buffers.IMemoryOwner<byte>> { own.Rent(1), own.Rent(2), own.Rent(3) };
        for (int i = 0; i < all.Count; i++) all[i].Dispose();
    }

    static void InParams()
    {
        FreeAll(NewNumber(), NewNumber(), NewNumber(), NewNumber());
    }

    static void FreeAll(params ReadOnlySpan<nint> all)
    {
        foreach (nint p in all) kfree((void*)p);
    }

    static void ByRefLocal()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        for (int i = 0; i < 3; i++)
        {
            ref nint p = ref all[i];
            kfree((void*)p);
            p = 0;
        }
    }

    static void ByUnsafeAdd()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        ref nint first = ref all[0];
        for (int i = 0; i < 3; i++) kfree((void*)System.Runtime.CompilerServices.Unsafe.Add(ref first, i));
    }

    static void ByGetReference()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        ref nint first = ref MemoryMarshal.GetArrayDataReference(all);
        for (int i = 0; i < 3; i++) kfree((void*)System.Runtime.CompilerServices.Unsafe.Add(ref first, i));
    }
}
