// Pointers that a call of .NET copies: structs that are marshalled to native memory and back, arrays of pointers that are copied as bytes. Who has the
// copy may free what it points to; who has it alone must.

using System.Runtime.CompilerServices;

[StructLayout(LayoutKind.Sequential)]
unsafe struct Message { public nint Text; public int Length; public nint Next; }

[StructLayout(LayoutKind.Sequential)]
sealed class Descriptor { public nint Text; public int Kind; }

unsafe static class Native
{
    internal static extern nint Create(nint state);
    internal static extern int Submit(nint block, int size);
    internal static extern bool Ask();
}

unsafe class Bodies
{
    static nint StructToNative(int size)
    {
        nint text = Marshal.AllocHGlobal(size);
        var message = new Message { Text = text, Length = size };
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        Marshal.StructureToPtr(message, block, false);
        return Native.Create(block);
    }

    static nint BoxToNative(int size)
    {
        var message = new Message();
        message.Text = Marshal.AllocHGlobal(size);
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf(typeof(Message)));
        Marshal.StructureToPtr((object)message, block, false);
        return Native.Create(block);
    }

    static nint ObjectToNative(int size)
    {
        var descriptor = new Descriptor { Text = Marshal.AllocHGlobal(size), Kind = 1 };
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Descriptor>());
        Marshal.StructureToPtr(descriptor, block, false);
        return Native.Create(block);
    }

    static void StructToWhatIsGiven(nint block, int size)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(size) };
        Marshal.StructureToPtr(message, block, false);
    }

    static void StructsInALoop(nint[] headers, int size)
    {
        for (int i = 0; i < headers.Length; i++)
        {
            var message = new Message { Text = Marshal.AllocHGlobal(size) };
            nint header = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
            Marshal.StructureToPtr(message, header, false);
            Native.Submit(header, size);
            headers[i] = header;
        }
    }

    static void ThereAndBack(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        Marshal.StructureToPtr(new Message { Text = Marshal.AllocHGlobal(size) }, block, false);
        Message read = Marshal.PtrToStructure<Message>(block);
        Marshal.FreeHGlobal(read.Text);
        Marshal.FreeHGlobal(block);
    }

    static void ThereAndBackAsObject(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        Marshal.StructureToPtr(new Message { Text = Marshal.AllocHGlobal(size) }, block, false);
        var read = (Message)Marshal.PtrToStructure(block, typeof(Message))!;
        Marshal.FreeHGlobal(read.Text);
        Marshal.FreeHGlobal(block);
    }

    static void ThereAndIntoAnObject(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Descriptor>());
        Marshal.StructureToPtr(new Descriptor { Text = Marshal.AllocHGlobal(size) }, block, false);
        var read = new Descriptor();
        Marshal.PtrToStructure(block, read);
        Marshal.FreeHGlobal(read.Text);
        Marshal.FreeHGlobal(block);
    }

    static void ReadThroughAPointer(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        Marshal.StructureToPtr(new Message { Text = Marshal.AllocHGlobal(size) }, block, false);
        Marshal.FreeHGlobal(((Message*)block)->Text);
        Marshal.FreeHGlobal(block);
    }

    static void ReadAsBytes(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        Marshal.StructureToPtr(new Message { Text = Marshal.AllocHGlobal(size) }, block, false);
        Marshal.FreeHGlobal(Marshal.ReadIntPtr(block));
        Marshal.FreeHGlobal(block);
    }

    static void StructLost(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        Marshal.StructureToPtr(new Message { Text = Marshal.AllocHGlobal(size) }, block, false);
        Native.Ask();
        Marshal.FreeHGlobal(block);
    } // expect: KA4001

    static void BlockLost(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        var message = new Message { Text = Marshal.AllocHGlobal(size) };
        Marshal.StructureToPtr(message, block, false);
        Marshal.FreeHGlobal(message.Text);
    } // expect: KA4001

    static void FreedByBothNames(int size)
    {
        nint block = Marshal.AllocHGlobal(Marshal.SizeOf<Message>());
        var message = new Message { Text = Marshal.AllocHGlobal(size) };
        Marshal.StructureToPtr(message, block, false);
        Marshal.FreeHGlobal(Marshal.PtrToStructure<Message>(block).Text);
        Marshal.FreeHGlobal(message.Text); // expect: KA4005
        Marshal.FreeHGlobal(block);
    }

    // Arrays of pointers

    static nint ArrayToNative(string[] texts)
    {
        var pointers = new nint[texts.Length];
        for (int i = 0; i < texts.Length; i++) pointers[i] = Marshal.StringToHGlobalAnsi(texts[i]);
        nint table = Marshal.AllocHGlobal(IntPtr.Size * texts.Length);
        Marshal.Copy(pointers, 0, table, texts.Length);
        return table;
    }

    static nint TwoToNative(int size)
    {
        nint[] pointers = [Marshal.AllocHGlobal(size), Marshal.AllocHGlobal(size)];
        nint table = Marshal.AllocHGlobal(IntPtr.Size * 2);
        Marshal.Copy(pointers, 0, table, 2);
        return table;
    }

    static void TwoToWhatIsGiven(nint table, int size)
    {
        nint[] pointers = [Marshal.AllocHGlobal(size), Marshal.AllocHGlobal(size)];
        Marshal.Copy(pointers, 0, table, 2);
    }

    static nint MadeByAFunction<T>(T[] items, Func<T, nint> make)
    {
        var pointers = new nint[items.Length];
        for (int i = 0; i < items.Length; i++) pointers[i] = make(items[i]);
        nint table = Marshal.AllocHGlobal(IntPtr.Size * items.Length);
        Marshal.Copy(pointers, 0, table, items.Length);
        return table;
    }

    static nint CallerOfMadeByAFunction(string[] texts) => MadeByAFunction(texts, static text => Marshal.StringToHGlobalUni(text));

    static nint CallerOfMadeByAMethod(string[] texts) => MadeByAFunction(texts, Marshal.StringToHGlobalUni);

    static void CopiedBack(nint table)
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        Marshal.Copy(made, 0, table, 2);
        var read = new nint[2];
        Marshal.Copy(table, read, 0, 2);
        foreach (nint p in read) Marshal.FreeHGlobal(p);
    }

    static void CopiedToAnArray()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        var copy = new nint[2];
        Array.Copy(made, copy, 2);
        foreach (nint p in copy) Marshal.FreeHGlobal(p);
    }

    static void CopiedBlockwise()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        var copy = new nint[2];
        Buffer.BlockCopy(made, 0, copy, 0, 2 * IntPtr.Size);
        Marshal.FreeHGlobal(copy[0]);
        Marshal.FreeHGlobal(copy[1]);
    }

    static void CopiedBySpan(Span<nint> to)
    {
        Span<nint> made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        made.CopyTo(to);
    }

    static void CopiedByItself()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        var copy = new nint[2];
        made.CopyTo(copy, 0);
        foreach (nint p in copy) Marshal.FreeHGlobal(p);
    }

    static void Cloned()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        foreach (nint p in (nint[])made.Clone()) Marshal.FreeHGlobal(p);
    }

    static void Reversed()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        nint first = made[0];
        Array.Reverse(made);
        Marshal.FreeHGlobal(made[1]);
        *(byte*)made[0] = 1;
        Marshal.FreeHGlobal(made[0]);
    }

    static void ReversedAndKept()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        Array.Reverse(made);
        Marshal.FreeHGlobal(made[1]);
        made[1] = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(made[0]);
        Marshal.FreeHGlobal(made[1]);
    }

    static void Grown()
    {
        var made = new nint[1];
        made[0] = Marshal.AllocHGlobal(8);
        Array.Resize(ref made, 4);
        made[1] = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(made[0]);
        Marshal.FreeHGlobal(made[1]);
    }

    static void ArrayLost()
    {
        nint[] made = [Marshal.AllocHGlobal(8), Marshal.AllocHGlobal(8)];
        Marshal.FreeHGlobal(made[0]);
    } // expect: KA4001

    // Single pointers, written and read by calls

    static void WrittenAndRead()
    {
        nint block = Marshal.AllocHGlobal(16);
        Marshal.WriteIntPtr(block, Marshal.AllocHGlobal(8));
        Marshal.WriteIntPtr(block, 8, Marshal.AllocHGlobal(8));
        Marshal.FreeHGlobal(Marshal.ReadIntPtr(block));
        Marshal.FreeHGlobal(Marshal.ReadIntPtr(block, 8));
        Marshal.FreeHGlobal(block);
    }

    static void StoredAndRead()
    {
        nint* block = (nint*)Marshal.AllocHGlobal(16);
        block[0] = Marshal.AllocHGlobal(8);
        block[1] = Marshal.AllocHGlobal(8);
        for (int i = 0; i < 2; i++) Marshal.FreeHGlobal(Marshal.ReadIntPtr((nint)block, i * IntPtr.Size));
        Marshal.FreeHGlobal((nint)block);
    }

    static void StoredAndReadAsOther()
    {
        void** block = (void**)NativeMemory.Alloc(16);
        block[0] = NativeMemory.Alloc(8);
        block[1] = NativeMemory.Alloc(8);
        for (int i = 0; i < 2; i++) NativeMemory.Free(*(void**)((byte*)block + i * sizeof(void*)));
        NativeMemory.Free(block);
    }

    static void StoredAndReadAsNumbers()
    {
        void** block = (void**)NativeMemory.Alloc(16);
        block[0] = NativeMemory.Alloc(8);
        block[1] = NativeMemory.Alloc(8);
        for (nint* p = (nint*)block; p < (nint*)block + 2; p++) NativeMemory.Free((void*)*p);
        NativeMemory.Free(block);
    }

    static void StoredAndReadAsStruct()
    {
        nint* block = (nint*)NativeMemory.Alloc(24);
        block[0] = (nint)NativeMemory.Alloc(8);
        block[2] = (nint)NativeMemory.Alloc(8);
        Message* message = (Message*)block;
        NativeMemory.Free((void*)message->Text);
        NativeMemory.Free((void*)message->Next);
        NativeMemory.Free(block);
    }

    static void WrittenUnaligned(byte* at)
    {
        Unsafe.WriteUnaligned(at, Marshal.AllocHGlobal(8));
        Unsafe.WriteUnaligned(at + 8, Marshal.AllocHGlobal(8));
    }

    static void WrittenByReference(Span<byte> at)
    {
        Unsafe.WriteUnaligned(ref at[0], Marshal.AllocHGlobal(8));
        Unsafe.As<byte, nint>(ref at[8]) = Marshal.AllocHGlobal(8);
    }

    static void WrittenToASpan(Span<byte> at)
    {
        nint p = Marshal.AllocHGlobal(8);
        MemoryMarshal.Write(at, in p);
    }

    static void WrittenAsStruct(Span<byte> at)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        MemoryMarshal.Write(at, in message);
    }

    static void CopiedAsBlock(byte* to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        Unsafe.CopyBlock(to, &message, (uint)sizeof(Message));
    }

    static void CopiedByReference(ref byte to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        Unsafe.CopyBlock(ref to, ref Unsafe.As<Message, byte>(ref message), (uint)sizeof(Message));
    }

    static void CopiedByMemoryCopy(byte* to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        Buffer.MemoryCopy(&message, to, sizeof(Message), sizeof(Message));
    }

    static void CopiedByNativeMemory(byte* to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        NativeMemory.Copy(&message, to, (nuint)sizeof(Message));
    }

    static void CopiedBySpanOfBytes(Span<byte> to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        MemoryMarshal.AsBytes(new ReadOnlySpan<Message>(in message)).CopyTo(to);
    }

    static void CopiedByPinnedSpan(byte* to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        new ReadOnlySpan<byte>(&message, sizeof(Message)).CopyTo(new Span<byte>(to, sizeof(Message)));
    }

    static void CopiedByUnsafeCopy(void* to)
    {
        var message = new Message { Text = Marshal.AllocHGlobal(8) };
        Unsafe.Copy(to, ref message);
    }

    static void ReadByUnsafeCopy()
    {
        Message* block = (Message*)NativeMemory.Alloc((nuint)sizeof(Message));
        block->Text = (nint)NativeMemory.Alloc(8);
        Message copy = default;
        Unsafe.Copy(ref copy, block);
        NativeMemory.Free((void*)copy.Text);
        NativeMemory.Free(block);
    }

    static void ReadByMemoryMarshal()
    {
        Message* block = (Message*)NativeMemory.Alloc((nuint)sizeof(Message));
        block->Text = (nint)NativeMemory.Alloc(8);
        Message copy = MemoryMarshal.Read<Message>(new Span<byte>(block, sizeof(Message)));
        NativeMemory.Free((void*)copy.Text);
        NativeMemory.Free(block);
    }

    static void FreedByReferenceOfSpan(int n)
    {
        var all = new Span<byte>(NativeMemory.Alloc((nuint)n), n);
        ref byte first = ref MemoryMarshal.GetReference(all);
        Unsafe.Add(ref first, 1) = 2;
        NativeMemory.Free(Unsafe.AsPointer(ref first));
    }

    static void WrittenByReferenceOfSpan(int n)
    {
        void* p = NativeMemory.Alloc((nuint)n);
        var all = new Span<byte>(p, n);
        NativeMemory.Free(p);
        MemoryMarshal.GetReference(all) = 1; // expect: KA4006
    }

    static void LostBehindReferenceOfSpan(int n)
    {
        var all = new Span<byte>(NativeMemory.Alloc((nuint)n), n);
        ref byte first = ref MemoryMarshal.GetReference(all);
        first = 1;
    } // expect: KA4001
}
