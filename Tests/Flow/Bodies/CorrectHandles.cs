// Interop as libraries write it: errors by number, handles in objects, strings for one call, callbacks, structs that native code fills, COM-like releases.

using System;
using System.Buffers;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

static unsafe class Native
{
    [DllImport("other")] public static extern int other_open(nint name, out nint handle);

    [DllImport("other")] public static extern int other_read(nint handle, byte* buffer, int* length);

    [DllImport("other")] public static extern void other_close(nint handle);

    [DllImport("other")] public static extern byte* other_name(nint handle);

    [DllImport("other")] public static extern void other_free(void* p);

    [DllImport("other")] public static extern int other_list(nint handle, out nint items, out int count);

    [DllImport("other")] public static extern int other_set(nint handle, in Options options);

    [DllImport("other")] public static extern int other_each(nint handle, delegate* unmanaged<nint, void*, int> callback, void* state);
}

[StructLayout(LayoutKind.Sequential)]
struct Options
{
    public nint name;
    public nint data;
    public int length;
}

sealed class OtherHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public OtherHandle(nint handle) : base(true) => SetHandle(handle);

    protected override bool ReleaseHandle()
    {
        Native.other_close(handle);
        return true;
    }
}

sealed unsafe class Reader : IDisposable
{
    private nint _handle;
    private byte* _buffer;
    private readonly int _size;
    private GCHandle _pin;

    public Reader(string name, int size)
    {
        nint text = Marshal.StringToHGlobalAnsi(name);
        try
        {
            int error = Native.other_open(text, out _handle);
            if (error != 0) throw new IOException(name, error);
            _buffer = (byte*)Marshal.AllocHGlobal(size);
            _size = size;
            _pin = GCHandle.Alloc(this);
        }
        finally
        {
            Marshal.FreeHGlobal(text);
        }
    }

    public int Read(Span<byte> target)
    {
        ObjectDisposedException.ThrowIf(_handle == 0, this);
        int length = _size;
        int error = Native.other_read(_handle, _buffer, &length);
        if (error != 0) throw new Win32Exception(error);
        int copied = Math.Min(length, target.Length);
        new ReadOnlySpan<byte>(_buffer, copied).CopyTo(target);
        return copied;
    }

    public void Dispose()
    {
        if (_handle == 0) return;
        Native.other_close(_handle);
        _handle = 0;
        if (_pin.IsAllocated) _pin.Free();
        Marshal.FreeHGlobal((nint)_buffer);
        _buffer = null;
        GC.SuppressFinalize(this);
    }

    ~Reader() => Dispose();
}

static unsafe class Bodies
{
    static string NameOf(nint handle)
    {
        byte* name = Native.other_name(handle);
        try
        {
            return Marshal.PtrToStringUTF8((nint)name) ?? "";
        }
        finally
        {
            Native.other_free(name);
        }
    }

    static void SetOptions(nint handle, string name, byte[] data)
    {
        Options options = default;
        try
        {
            options.name = Marshal.StringToCoTaskMemUTF8(name);
            options.data = Marshal.AllocCoTaskMem(data.Length);
            options.length = data.Length;
            Marshal.Copy(data, 0, options.data, data.Length);
            if (Native.other_set(handle, options) != 0) throw new InvalidOperationException();
        }
        finally
        {
            Marshal.FreeCoTaskMem(options.name);
            Marshal.FreeCoTaskMem(options.data);
        }
    }

    static List<string> Items(nint handle)
    {
        var all = new List<string>();
        if (Native.other_list(handle, out nint items, out int count) != 0) return all;
        for (int i = 0; i < count; i++)
        {
            nint item = Marshal.ReadIntPtr(items, i * nint.Size);
            all.Add(Marshal.PtrToStringUni(item)!);
            Marshal.FreeCoTaskMem(item);
        }

        Marshal.FreeCoTaskMem(items);
        return all;
    }

    static nint Strings(IReadOnlyList<string> all)
    {
        nint block = Marshal.AllocHGlobal((all.Count + 1) * nint.Size);
        for (int i = 0; i < all.Count; i++) Marshal.WriteIntPtr(block, i * nint.Size, Marshal.StringToHGlobalAnsi(all[i]));
        Marshal.WriteIntPtr(block, all.Count * nint.Size, 0);
        return block;
    }

    static void FreeStrings(nint block)
    {
        if (block == 0) return;
        for (int i = 0; Marshal.ReadIntPtr(block, i * nint.Size) is var text && text != 0; i++) Marshal.FreeHGlobal(text);
        Marshal.FreeHGlobal(block);
    }

    static void StringsAreFreed(IReadOnlyList<string> all)
    {
        nint block = Strings(all);
        FreeStrings(block);
    }

    static nint[] Array(string[] all)
    {
        var pointers = new nint[all.Length];
        int made = 0;
        try
        {
            for (; made < all.Length; made++) pointers[made] = Marshal.StringToHGlobalAnsi(all[made]);
            return pointers;
        }
        catch
        {
            while (made-- > 0) Marshal.FreeHGlobal(pointers[made]);
            throw;
        }
    }

    static void ArrayIsFreed(string[] all)
    {
        nint[] pointers = Array(all);
        try
        {
            fixed (nint* p = pointers) Native.other_set(p[0], default);
        }
        finally
        {
            foreach (nint p in pointers) Marshal.FreeHGlobal(p);
        }
    }

    static T? ReadStruct<T>(Stream stream) where T : struct
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(Marshal.SizeOf<T>());
        GCHandle pin = GCHandle.Alloc(rented, GCHandleType.Pinned);
        try
        {
            if (stream.Read(rented, 0, Marshal.SizeOf<T>()) < Marshal.SizeOf<T>()) return null;
            return Marshal.PtrToStructure<T>(pin.AddrOfPinnedObject());
        }
        finally
        {
            pin.Free();
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    static byte[] StructBytes<T>(T value) where T : struct
    {
        int size = Marshal.SizeOf<T>();
        nint p = Marshal.AllocHGlobal(size);
        try
        {
            Marshal.StructureToPtr(value, p, false);
            var bytes = new byte[size];
            Marshal.Copy(p, bytes, 0, size);
            return bytes;
        }
        finally
        {
            Marshal.DestroyStructure<T>(p);
            Marshal.FreeHGlobal(p);
        }
    }

    static string Grown(nint handle)
    {
        int room = 64;
        nint buffer = Marshal.AllocHGlobal(room);
        try
        {
            while (true)
            {
                int length = room;
                int error = Native.other_read(handle, (byte*)buffer, &length);
                if (error == 0) return Marshal.PtrToStringUTF8(buffer, length);
                if (error != 122) throw new Win32Exception(error);
                room = length;
                buffer = Marshal.ReAllocHGlobal(buffer, room);
            }
        }
        finally
        {
            Marshal.FreeHGlobal(buffer);
        }
    }

    static string? AskedTwice(nint handle)
    {
        int length = 0;
        if (Native.other_read(handle, null, &length) != 0 || length == 0) return null;
        byte* buffer = (byte*)NativeMemory.Alloc((nuint)length);
        string? text = Native.other_read(handle, buffer, &length) == 0 ? Encoding.UTF8.GetString(buffer, length) : null;
        NativeMemory.Free(buffer);
        return text;
    }

    [UnmanagedCallersOnly]
    static int OnItem(nint item, void* state)
    {
        GCHandle handle = GCHandle.FromIntPtr((nint)state);
        ((List<nint>)handle.Target!).Add(item);
        return 0;
    }

    static List<nint> Each(nint handle)
    {
        var all = new List<nint>();
        GCHandle state = GCHandle.Alloc(all);
        try
        {
            Native.other_each(handle, &OnItem, (void*)GCHandle.ToIntPtr(state));
        }
        finally
        {
            state.Free();
        }

        return all;
    }

    static OtherHandle Open(string name)
    {
        nint text = Marshal.StringToCoTaskMemAnsi(name);
        int error = Native.other_open(text, out nint handle);
        Marshal.FreeCoTaskMem(text);
        return error == 0 ? new OtherHandle(handle) : throw new Win32Exception(error);
    }

    static void Secret(System.Security.SecureString secret)
    {
        nint text = nint.Zero;
        try
        {
            text = Marshal.SecureStringToGlobalAllocUnicode(secret);
            Native.other_set(text, default);
        }
        finally
        {
            if (text != nint.Zero) Marshal.ZeroFreeGlobalAllocUnicode(text);
        }
    }

    static int Compute(string? name)
    {
        nint text = name is null ? 0 : Marshal.StringToHGlobalUni(name);
        int result = Native.other_open(text, out _);
        if (text != 0) Marshal.FreeHGlobal(text);
        return result;
    }

    static void Bstr(object o)
    {
        nint text = Marshal.StringToBSTR(o.ToString() ?? "");
        try
        {
            Native.other_name(text);
        }
        finally
        {
            Marshal.FreeBSTR(text);
        }
    }

    static bool TryEach(nint[] handles)
    {
        nint buffer = 0;
        foreach (nint handle in handles)
        {
            if (buffer == 0) buffer = Marshal.AllocHGlobal(64);
            int length = 64;
            if (Native.other_read(handle, (byte*)buffer, &length) == 0) continue;
            Marshal.FreeHGlobal(buffer);
            return false;
        }

        if (buffer != 0) Marshal.FreeHGlobal(buffer);
        return true;
    }
}
