// Memory that outlives a suspension, and frees that happen after one.

using System.Buffers;
using System.Runtime.InteropServices;

namespace Corpus.AsyncAndIterators;

public static class Suspended
{
    public static async Task<int> ReadAsync(Stream stream, int length)
    {
        nint memory = Marshal.AllocHGlobal(length);
        try
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                int read = await stream.ReadAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);
                Marshal.Copy(buffer, 0, memory, read);
                return read == 0 ? -1 : Marshal.ReadByte(memory);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        finally
        {
            Marshal.FreeHGlobal(memory);
        }
    }

    public static IEnumerable<byte> Bytes(string text)
    {
        nint memory = Marshal.StringToCoTaskMemUTF8(text);
        try
        {
            for (int i = 0; Marshal.ReadByte(memory, i) is not 0 and byte value; i++) yield return value;
        }
        finally
        {
            Marshal.FreeCoTaskMem(memory);
        }
    }

    public static async IAsyncEnumerable<int> Chunks(Stream stream)
    {
        using IMemoryOwner<byte> owner = MemoryPool<byte>.Shared.Rent(4096);
        while (await stream.ReadAsync(owner.Memory).ConfigureAwait(false) is > 0 and int read) yield return read;
    }
}
