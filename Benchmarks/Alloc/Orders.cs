using System.Runtime.CompilerServices;

namespace KAlloc.Benchmarks.Alloc;

/// <summary>Random numbers and orders, the same in C#, in driver.c and in every run.</summary>
internal static class Orders
{
    internal static readonly int[] First = [.. Enumerable.Range(0, 1000)];
    internal static readonly int[] Last = [.. Enumerable.Range(0, 1000).Reverse()];
    internal static readonly int[] Random = Shuffled();

    /// <summary>Marsaglia's xorshift with 13, 7, 17.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Next(ref ulong state)
    {
        ulong x = state;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        return state = x;
    }

    /// <summary>A number below a limit from the low half of a random number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Below(ulong random, uint limit) => (int)(((ulong)(uint)random * limit) >> 32);

    private static int[] Shuffled()
    {
        int[] order = [.. First];
        ulong state = 7;
        for (int i = order.Length - 1; i > 0; i--)
        {
            int other = Below(Next(ref state), (uint)i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }
}

/// <summary>How far a producer and a consumer are, each on its own cache line.</summary>
internal sealed class Positions
{
    private readonly int[] _at = new int[64];

    internal void Produced(int count) => Volatile.Write(ref _at[16], count);

    internal void Consumed(int count) => Volatile.Write(ref _at[48], count);

    internal void WaitForBatch(int index) => WaitUntilAbove(ref _at[16], index);

    internal void WaitForRoom(int index) => WaitUntilAbove(ref _at[48], index);

    private static void WaitUntilAbove(ref int place, int value)
    {
        for (int spins = 1; Volatile.Read(ref place) <= value; spins++)
        {
            if (spins % 256 == 0) Thread.Yield();
            else Thread.SpinWait(1);
        }
    }
}
