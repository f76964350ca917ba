// Memory of a field that the struct leaves to whoever has it, and classes that are written in two parts.

using System;
using System.Runtime.InteropServices;

partial class DisposedInPart : IDisposable
{
    private nint _memory = Marshal.AllocHGlobal(3);
    public partial void Dispose();
}

partial class DisposedInPart
{
    public partial void Dispose() => Marshal.FreeHGlobal(_memory);
}

partial class FreedInPart : IDisposable
{
    private nint _memory = Marshal.AllocHGlobal(3);
    partial void Free();
    public void Dispose() => Free();
}

partial class FreedInPart
{
    partial void Free() => Marshal.FreeHGlobal(_memory);
}

partial class NotFreedInPart : IDisposable
{
    private nint _memory = Marshal.AllocHGlobal(3); // expect: KA4011
    partial void Free();
    public void Dispose() => Console.WriteLine();
}

partial class NotFreedInPart
{
    partial void Free() => Marshal.FreeHGlobal(_memory);
}

unsafe class Bodies
{
    struct Buffer
    {
        public byte* data;
        public int count, room;
    }

    struct Numbers
    {
        public int* data;
        public int count;

        public void Add(int number)
        {
            if (count == 0) data = (int*)NativeMemory.Alloc(100);
            data[count++] = number;
        }
    }

    struct Lost
    {
        public int* data;
        public int count;

        public void Add(int number)
        {
            if (count == 0) data = (int*)NativeMemory.Alloc(100); // expect: KA4011
            data[count++] = number;
        }
    }

    static void Put(ref Buffer buffer, byte value)
    {
        if (buffer.count == buffer.room)
        {
            buffer.room = (buffer.room * 2) + 8;
            buffer.data = (byte*)NativeMemory.Realloc(buffer.data, (nuint)buffer.room);
        }

        buffer.data[buffer.count++] = value;
    }

    static void GrownAndFreed(int n)
    {
        Buffer buffer = default;
        for (int i = 0; i < n; i++) Put(ref buffer, 1);
        NativeMemory.Free(buffer.data);
    }

    static void AddedAndFreed()
    {
        Numbers numbers = default;
        numbers.Add(1);
        numbers.Add(2);
        NativeMemory.Free(numbers.data);
    }

    static void AddedAndLost()
    {
        Lost numbers = default;
        numbers.Add(1);
    } // expect: KA4001
}
