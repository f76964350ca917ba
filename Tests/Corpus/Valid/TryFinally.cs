// Exits of every kind out of try blocks, each of which frees exactly once.

using System.Runtime.InteropServices;

namespace Corpus.TryFinally;

public static unsafe class Exits
{
    public static int Parse(ReadOnlySpan<byte> input, Func<int, bool> accept)
    {
        byte* copy = (byte*)NativeMemory.Alloc((nuint)input.Length + 1);
        try
        {
            input.CopyTo(new Span<byte>(copy, input.Length));
            copy[input.Length] = 0;
            for (int i = 0; i < input.Length; i++)
            {
                if (copy[i] == ' ') continue;
                if (copy[i] == '#') return i;
                if (!accept(copy[i])) throw new FormatException();
                if (copy[i] == '\n') break;
            }

            return -1;
        }
        finally
        {
            NativeMemory.Free(copy);
        }
    }

    public static nint TwoResources(int first, int second)
    {
        nint a = Marshal.AllocHGlobal(first);
        try
        {
            nint b = Marshal.AllocCoTaskMem(second);
            try
            {
                return Marshal.ReadIntPtr(a) + Marshal.ReadIntPtr(b);
            }
            finally
            {
                Marshal.FreeCoTaskMem(b);
            }
        }
        finally
        {
            Marshal.FreeHGlobal(a);
        }
    }

    /// <summary>On success the caller owns the result; on failure it is freed here and the exception goes on.</summary>
    public static byte* ReadAll(Stream stream, int length)
    {
        byte* buffer = (byte*)NativeMemory.AllocZeroed((nuint)length);
        try
        {
            stream.ReadExactly(new Span<byte>(buffer, length));
            return buffer;
        }
        catch
        {
            NativeMemory.Free(buffer);
            throw;
        }
    }

    public static bool TryConvert(string text, out nint result)
    {
        result = 0;
        nint memory = Marshal.StringToHGlobalAnsi(text);
        bool success = false;
        try
        {
            if (Marshal.ReadByte(memory) == 0) return false;
            result = memory;
            success = true;
            return true;
        }
        finally
        {
            if (!success) Marshal.FreeHGlobal(memory);
        }
    }

    public static long SumOf(IEnumerable<string> texts)
    {
        long sum = 0;
        foreach (string text in texts)
        {
            nint memory = Marshal.StringToCoTaskMemUni(text);
            try
            {
                if (text.Length == 0) continue;
                sum += Marshal.ReadInt16(memory);
            }
            finally
            {
                Marshal.FreeCoTaskMem(memory);
            }
        }

        return sum;
    }
}
