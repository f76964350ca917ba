// Callees that are longer than what is looked into for its own sake: what they take says that they may do something with a pointer.

using System.Threading;

class Bodies
{
    static unsafe int OfNullable(nint? address, int a, int b, int c)
    {
        int sum = a + b + c;
        sum *= a - b;
        sum *= b - c;
        if (address is { } known)
        {
            byte* data = (byte*)known;
            sum += data[0];
        }

        return sum;
    }

    static unsafe int OfBox(object box, int a, int b, int c)
    {
        int sum = a + b + c;
        sum *= a - b;
        sum *= b - c;
        byte* data = (byte*)(nint)box;
        sum += data[0];
        return sum;
    }

    static async Task<int> Later(nint address)
    {
        await Task.Delay(1);
        return Marshal.ReadInt32(address);
    }

    static int Ask(Func<nint> address) => Marshal.ReadInt32(address());

    void Nullable()
    {
        nint p = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(p);
        OfNullable(p, 1, 2, 3); // expect: KA4006
    }

    void Box()
    {
        nint p = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(p);
        OfBox(p, 1, 2, 3); // expect: KA4006
    }

    void BoxBefore()
    {
        nint p = Marshal.AllocHGlobal(8);
        OfBox(p, 1, 2, 3);
        Marshal.FreeHGlobal(p);
    }

    void Waited()
    {
        nint p = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(p);
        Later(p).Wait(); // expect: KA4006
    }

    void WaitedAndLost()
    {
        nint p = Marshal.AllocHGlobal(8);
        Later(p).Wait();
    } // expect: KA4001

    void WaitedAndFreed()
    {
        nint p = Marshal.AllocHGlobal(8);
        Later(p).Wait();
        Marshal.FreeHGlobal(p);
    }

    void NotWaited()
    {
        nint p = Marshal.AllocHGlobal(8);
        Task<int> later = Later(p);
        later.ContinueWith(done => Marshal.FreeHGlobal(p));
    }

    void Asked()
    {
        nint p = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(p);
        Ask(() => p); // expect: KA4006
    }

    void AskedBefore()
    {
        nint p = Marshal.AllocHGlobal(8);
        Ask(() => p);
        Marshal.FreeHGlobal(p);
    }

    void WrittenBeforeAnythingFails(Action run)
    {
        nint p = 0;
        try
        {
            p = Marshal.AllocHGlobal(8);
            Marshal.WriteInt32(p, 5);
            Marshal.FreeHGlobal(p);
            run();
        }
        catch (InvalidOperationException)
        {
        }
    }

    void FailsBeforeTheFree(Action run)
    {
        nint p = 0;
        try
        {
            p = Marshal.AllocHGlobal(8);
            run();
            Marshal.FreeHGlobal(p);
        }
        catch (InvalidOperationException)
        {
        }
    } // expect: KA4001
}
