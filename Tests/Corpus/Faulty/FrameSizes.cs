// Frames that do not fit their stack, in the shapes that drivers have them.

using System.Runtime.CompilerServices;
using KAlloc;

namespace Corpus.FrameSizes;

public unsafe struct Sector
{
    public ulong Number;
    public fixed byte Data[2048];
}

[KernelStack]
public static unsafe class Driver
{
    private static readonly Sector[] s_cache = new Sector[4];

    public static int ReadLabel(delegate*<byte*, int, int> read) // expect: KA5001
    {
        byte* label = stackalloc byte[1536];
        return read(label, 1536);
    }

    public static ulong Copied(int index) => Checksum(s_cache[index]); // expect: KA5001

    public static ulong ByReference(int index) => ChecksumOf(in s_cache[index]);

    public static bool Verify(int index) // expect: KA5001
    {
        Sector sector = s_cache[index];
        return ChecksumOf(in sector) == sector.Number;
    }

    public static void Deferred(Action<Action> schedule) => schedule(() => // expect: KA5001
    {
        Span<int> sums = stackalloc int[400];
        sums.Clear();
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Checksum(Sector sector) => ChecksumOf(in sector); // expect: KA5001

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong ChecksumOf(in Sector sector) => sector.Number;
}
