// Mistakes with the end of memory, as reviews find them.

using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

namespace Corpus;

public unsafe struct Packet
{
    public byte* Payload;
    public Packet* Next;
    public int Length;
}

public sealed unsafe class PacketQueue
{
    private Packet* _first;

    public int Send(byte* data, int length)
    {
        byte* copy = (byte*)kmalloc((nuint)length, GFP_KERNEL);
        if (copy == null) return -12;
        int sent;
        try
        {
            Buffer.MemoryCopy(data, copy, length, length);
            sent = Transmit(copy, length);
            if (sent < 0) kfree(copy);
        }
        finally
        {
            kfree(copy); // expect: KA4005
        }

        return sent;
    }

    public void Clear()
    {
        for (Packet* packet = _first; packet != null; packet = packet->Next) // expect: KA4006
        {
            kfree(packet->Payload);
            kfree(packet);
        }

        _first = null;
    }

    public int Pop()
    {
        Packet* packet = _first;
        if (packet == null) return 0;
        _first = packet->Next;
        var payload = new ReadOnlySpan<byte>(packet->Payload, packet->Length);
        kfree(packet->Payload);
        int sum = 0;
        for (int i = 0; i < payload.Length; i++) sum += payload[i]; // expect: KA4006
        kfree(packet);
        return sum;
    }

    public static void Warm(int pages)
    {
        for (int i = 0; i < pages; i++) __get_free_page(GFP_KERNEL); // expect: KA4003
    }

    private static int Transmit(byte* data, int length) => length > 0 ? data[0] : -1;
}
