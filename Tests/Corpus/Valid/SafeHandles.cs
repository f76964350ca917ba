// Ownership that moves into SafeHandles and fields: nothing is freed where it was allocated.

using System.Runtime.InteropServices;

namespace Corpus.SafeHandles;

public sealed class HGlobalHandle : SafeHandle
{
    public HGlobalHandle() : base(0, ownsHandle: true)
    {
    }

    private HGlobalHandle(nint memory) : base(0, ownsHandle: true) => SetHandle(memory);

    public override bool IsInvalid => handle == 0;

    public static HGlobalHandle Allocate(int bytes)
    {
        nint memory = Marshal.AllocHGlobal(bytes);
        return new HGlobalHandle(memory);
    }

    public static HGlobalHandle AllocateInPlace(int bytes)
    {
        var result = new HGlobalHandle();
        result.SetHandle(Marshal.AllocHGlobal(bytes));
        return result;
    }

    protected override bool ReleaseHandle()
    {
        Marshal.FreeHGlobal(handle);
        return true;
    }
}

public sealed unsafe class AlignedBuffer : SafeHandle
{
    private readonly nuint _length;

    public AlignedBuffer(nuint length, nuint alignment) : base(0, ownsHandle: true)
    {
        _length = length;
        SetHandle((nint)NativeMemory.AlignedAlloc(length, alignment));
    }

    public override bool IsInvalid => handle == 0;

    public Span<byte> Span => new((void*)handle, checked((int)_length));

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}

public sealed class StringHolder : IDisposable
{
    private nint _utf8;
    private nint _wide;

    public StringHolder(string text)
    {
        _utf8 = Marshal.StringToCoTaskMemUTF8(text);
        try
        {
            _wide = Marshal.StringToHGlobalUni(text);
        }
        catch
        {
            Marshal.FreeCoTaskMem(_utf8);
            _utf8 = 0;
            throw;
        }
    }

    public nint Utf8 => _utf8;

    public void Replace(string text)
    {
        nint fresh = Marshal.StringToCoTaskMemUTF8(text);
        nint old = Interlocked.Exchange(ref _utf8, fresh);
        Marshal.FreeCoTaskMem(old);
    }

    public void Dispose()
    {
        Marshal.FreeCoTaskMem(Interlocked.Exchange(ref _utf8, 0));
        Marshal.FreeHGlobal(Interlocked.Exchange(ref _wide, 0));
    }
}
