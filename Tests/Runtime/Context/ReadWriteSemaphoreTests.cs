using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

public unsafe class ReadWriteSemaphoreTests
{
    [Fact]
    public void ReadersShareIt_AWriterIsAlone_AndTheHolderMaySleep() => Cpu.Run(() =>
    {
        rw_semaphore s;
        rw_semaphore* p = &s;
        init_rwsem(ref s);
        down_read(ref s);
        Assert.Equal(0, preempt_count());
        Assert.Empty(Reports(() => msleep(1)));
        Cpu.Start(() =>
        {
            Assert.Equal(1, down_read_trylock(ref *p));
            Assert.Equal(0, down_write_trylock(ref *p));
            up_read(ref *p);
        }).Join();
        up_read(ref s);
        down_write(ref s);
        Cpu.Start(() =>
        {
            Assert.Equal(0, down_read_trylock(ref *p));
            Assert.Equal(0, down_write_trylock(ref *p));
        }).Join();
        up_write(ref s);
        Assert.Equal(1, down_write_trylock(ref s));
        up_write(ref s);
    });

    [Fact]
    public void WaitingWriter_KeepsNewReadersOut_AndGetsItsTurn() => Cpu.Run(() =>
    {
        rw_semaphore s = default;
        rw_semaphore* p = &s;
        bool written = false;
        down_read(ref s);
        Thread writer = Cpu.Start(() =>
        {
            down_write(ref *p);
            Volatile.Write(ref written, true);
            up_write(ref *p);
        });
        Cpu.Until(() => Volatile.Read(ref p->WaitingWriters) == 1);
        bool readAfterWrite = false;
        Thread reader = Cpu.Start(() =>
        {
            down_read(ref *p);
            readAfterWrite = Volatile.Read(ref written);
            up_read(ref *p);
        });
        Assert.False(reader.Join(20));
        up_read(ref s);
        Assert.True(writer.Join(20_000) && reader.Join(20_000));
        Assert.True(readAfterWrite);
    });

    [Fact]
    public void WrongUse_IsReported_AndChangesNothing() => Cpu.Run(() =>
    {
        rw_semaphore s = default;
        rw_semaphore* p = &s;
        Bug("bad unlock balance", () => up_read(ref *p));
        Bug("bad unlock balance", () => up_write(ref *p));
        down_write(ref s);
        Bug("possible recursive locking", () => down_write(ref *p));
        Bug("possible recursive locking", () => down_read(ref *p));
        Bug("bad unlock balance", () => up_read(ref *p));
        Cpu.Start(() => Bug("bad unlock balance", () => up_write(ref *p))).Join();
        up_write(ref s);
        down_read(ref s);
        Bug("possible recursive locking", () => down_write(ref *p));
        Bug("bad unlock balance", () => up_write(ref *p));
        up_read(ref s);
        Assert.Equal((0, 0, 0), (s.State, s.Waiting, s.WaitingWriters));
    });

    [Fact]
    public void ManyThreads_CountExactly() => Cpu.Run(() =>
    {
        rw_semaphore s = default;
        rw_semaphore* p = &s;
        int a = 0, b = 0, torn = 0;
        var threads = new Thread[4];
        for (int t = 0; t < threads.Length; t++)
        {
            int seed = t;
            threads[t] = Cpu.Start(() =>
            {
                var random = new Random(seed);
                for (int i = 0; i < 5000; i++)
                {
                    if (random.Next(4) == 0)
                    {
                        down_write(ref *p);
                        a++;
                        b++;
                        up_write(ref *p);
                    }
                    else
                    {
                        down_read(ref *p);
                        if (Volatile.Read(ref a) != Volatile.Read(ref b)) Interlocked.Increment(ref torn);
                        up_read(ref *p);
                    }
                }
            });
        }

        foreach (Thread thread in threads) Assert.True(thread.Join(30_000));
        Assert.Equal(0, torn);
        Assert.Equal(a, b);
        Assert.Equal((0, 0, 0), (s.State, s.Waiting, s.WaitingWriters));
    });
}
