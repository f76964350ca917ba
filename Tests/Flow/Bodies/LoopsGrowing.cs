// A block of a loop that its first turns do not come to, most often the one that makes a buffer larger: what it gives up is open until it was walked.

unsafe class Bodies
{
    unsafe struct Device
    {
        public byte* data;
    }

    static int s_count;
    static readonly List<nint> s_all = new();

    static byte* OldBlockLost(int n)
    {
        nuint room = 16;
        byte* all = (byte*)kmalloc(room, GFP_KERNEL);
        if (all == null) return null;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i == room)
            {
                byte* larger = (byte*)krealloc(all, room * 2, GFP_KERNEL);
                if (larger == null) return null; // expect: KA4001
                all = larger;
                room *= 2;
            }

            all[i] = 1;
        }

        return all;
    }

    static byte* OldBlockFreed(int n)
    {
        nuint room = 16;
        byte* all = (byte*)kmalloc(room, GFP_KERNEL);
        if (all == null) return null;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i == room)
            {
                byte* larger = (byte*)krealloc(all, room * 2, GFP_KERNEL);
                if (larger == null)
                {
                    kfree(all);
                    return null;
                }

                all = larger;
                room *= 2;
            }

            all[i] = 1;
        }

        return all;
    }

    static int OldBlockLostByGoto(int n)
    {
        int room = 4;
        byte* all = (byte*)kmalloc(4, GFP_KERNEL);
        if (all == null) return -1;
        for (int i = 0; i < n; i++)
        {
            if (i != room) continue;
            byte* larger = (byte*)krealloc(all, (nuint)(room *= 2), GFP_KERNEL);
            if (larger == null) goto fail;
            all = larger;
        }

        kfree(all);
        return 0;
    fail:
        return -1; // expect: KA4001
    }

    static bool Grow(ref byte* all, ref nuint room)
    {
        byte* larger = (byte*)krealloc(all, room * 2, GFP_KERNEL);
        if (larger == null) return false;
        all = larger;
        room *= 2;
        return true;
    }

    static int OldBlockLostBehindCallee(int n)
    {
        nuint room = 4;
        byte* all = (byte*)kmalloc(room, GFP_KERNEL);
        if (all == null) return -1;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i >= room && !Grow(ref all, ref room)) return -1; // expect: KA4001
            all[i] = 0;
        }

        kfree(all);
        return 0;
    }

    static int OldBlockFreedBehindCallee(int n)
    {
        nuint room = 4;
        byte* all = (byte*)kmalloc(room, GFP_KERNEL);
        if (all == null) return -1;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i >= room && !Grow(ref all, ref room))
            {
                kfree(all);
                return -1;
            }

            all[i] = 0;
        }

        kfree(all);
        return 0;
    }

    static int LostWhereItIsNotCopied(System.IO.Stream from)
    {
        nuint room = 64, length = 0;
        byte* all = (byte*)kmalloc(room, GFP_KERNEL);
        if (all == null) return -12;
        while (true)
        {
            int next = from.ReadByte();
            if (next < 0) break;
            if (length == room)
            {
                byte* larger = (byte*)kmalloc(room * 2, GFP_KERNEL);
                if (larger == null) return -12; // expect: KA4001

                Buffer.MemoryCopy(all, larger, room, room);
                kfree(all);
                all = larger;
                room *= 2;
            }

            all[length++] = (byte)next;
        }

        kfree(all);
        return (int)length;
    }

    static int CopiedToALargerOne(System.IO.Stream from)
    {
        nuint room = 64, length = 0;
        byte* all = (byte*)kmalloc(room, GFP_KERNEL);
        if (all == null) return -12;
        while (true)
        {
            int next = from.ReadByte();
            if (next < 0) break;
            if (length == room)
            {
                byte* larger = (byte*)kmalloc(room * 2, GFP_KERNEL);
                if (larger == null)
                {
                    kfree(all);
                    return -12;
                }

                Buffer.MemoryCopy(all, larger, room, room);
                kfree(all);
                all = larger;
                room *= 2;
            }

            all[length++] = (byte)next;
        }

        kfree(all);
        return (int)length;
    }

    static void Send(byte* all, int count)
    {
        s_count += all[count - 1];
        kfree(all);
    }

    static int SentWhenFull(System.IO.Stream from, bool isCareful)
    {
        int count = 0;
        byte* all = (byte*)kmalloc(64, GFP_KERNEL);
        if (all == null) return -12;
        while (true)
        {
            int next = from.ReadByte();
            if (next < 0) break;
            all[count++] = (byte)next;
            if (count < 64) continue;
            Send(all, count);
            all = (byte*)kmalloc(64, GFP_KERNEL);
            if (all == null) return -12;
            count = 0;
        }

        if (count > 0) Send(all, count);
        else if (isCareful) kfree(all);
        return 0; // expect: KA4001
    }

    // Given up in the sixth turn, by one way or another.

    static void Freed()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
            if (i == 5) NativeMemory.Free(p);
    }

    static byte* Returned()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
            if (i == 5) return p;
        return null;
    }

    static byte* FreedOnTheWayOut()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
        {
            if (i != 5) continue;
            NativeMemory.Free(p);
            return null;
        }

        return null;
    }

    static void FreedAndThrown()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
        {
            if (i != 5) continue;
            NativeMemory.Free(p);
            throw new InvalidOperationException();
        }
    }

    static void Stored(Device* device)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
            if (i == 5) device->data = p;
    }

    static void Added()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
            if (i == 5) s_all.Add((nint)p);
    }

    static void Exchanged()
    {
        byte* p = (byte*)NativeMemory.Alloc(8), q = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
        {
            if (i != 5) continue;
            NativeMemory.Free(p);
            p = q;
            q = null;
        }

        NativeMemory.Free(p);
    }

    static void FreedByAFlag()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        bool isDone = false;
        for (int i = 0; i < 80; i++)
        {
            if (isDone)
            {
                NativeMemory.Free(p);
                break;
            }

            if (i == 5) isDone = true;
        }
    }

    static void FreeAt(byte* p, int i)
    {
        if (i == 5) NativeMemory.Free(p);
    }

    static void FreedByCallee()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++) FreeAt(p, i);
    }

    static void FreedByALocalFunction()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++) FreeIn(i);
        void FreeIn(int i)
        {
            if (i == 5) NativeMemory.Free(p);
        }
    }

    static void FreedInTwoLoops()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
            for (int j = 0; j < 8; j++)
                if (i == 5 && j == 5) NativeMemory.Free(p);
    }

    static void MadeAgain()
    {
        byte* last = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 80; i++)
        {
            if (i == 5)
            {
                NativeMemory.Free(last);
                last = null;
            }

            if (i == 6) last = (byte*)NativeMemory.Alloc(8);
        }

        NativeMemory.Free(last);
    }

    static byte* RoomLeft(byte* source, nint length, out nint bytes)
    {
        nuint capacity = 4096;
        nuint used = 0;
        byte* output = (byte*)NativeMemory.Alloc(capacity);
        for (nint i = 0; i + 1 < length; i += 2)
        {
            byte run = source[i];
            if (run == 0) throw new Exception("none"); // expect: KA4001
            if (capacity - used < run)
            {
                byte* larger = (byte*)NativeMemory.Alloc(capacity, 2);
                for (nuint k = 0; k < used; k++) larger[k] = output[k];
                output = larger; // expect: KA4001
                capacity += capacity;
            }

            for (int k = 0; k < run; k++) output[used++] = source[i + 1];
        }

        bytes = (nint)used;
        return output;
    }

    static byte* RoomNeeded(byte* source, int length, out int bytes)
    {
        int capacity = 4096;
        int used = 0;
        byte* output = (byte*)NativeMemory.Alloc((nuint)capacity);
        for (int i = 0; i + 1 < length; i += 2)
        {
            byte run = source[i];
            if (used + run > capacity)
            {
                byte* larger = (byte*)NativeMemory.Alloc((nuint)capacity, 2);
                for (int k = 0; k < used; k++) larger[k] = output[k];
                output = larger; // expect: KA4001
                capacity += capacity;
            }

            for (int k = 0; k < run; k++) output[used++] = source[i + 1];
        }

        bytes = used;
        return output;
    }
}
