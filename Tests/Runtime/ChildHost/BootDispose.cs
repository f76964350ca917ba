namespace KAlloc.ChildHost;

/// <summary>
/// Boots and disposes many systems. In each, threads that come and go allocate and free until the very moment of the disposal, and end with pages in
/// their hands and sets full; the background thread meanwhile populates the reserve, reclaims and gives back. A watcher opens files all the while: a
/// write to a descriptor that a disposed system had would land in one of them.
/// </summary>
internal sealed unsafe class BootDispose(int seed, int systems, int lanes)
{
    private const int Workers = 3;
    private const int LifetimeMilliseconds = 45;

    private readonly List<string> _errors = [];
    private int _done;
    private long _operations;

    internal int Run()
    {
        KernelReports.WriteToStandardError = false;
        KernelReports.Reported += report => Fail(report.Text);
        var helpers = new Thread[] { new(Collect), new(Watch) };
        foreach (Thread helper in helpers) helper.Start();
        var threads = new Thread[lanes];
        for (int t = 0; t < lanes; t++)
        {
            int number = t;
            threads[t] = new Thread(() => Lane(new Random(seed + number)));
            threads[t].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        Volatile.Write(ref _done, 1);
        foreach (Thread helper in helpers) helper.Join();
        foreach (string error in _errors.Take(10)) Console.WriteLine(error);
        Console.WriteLine($"seed {seed}, {systems} systems, {_operations} operations: {_errors.Count} failures");
        return _errors.Count == 0 && _operations > systems ? 0 : 1;
    }

    private void Lane(Random random)
    {
        for (int i = 0; i < systems / lanes; i++)
        {
            KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
            {
                MemorySize = (ulong)random.Next(16, 33) << 22,
                Layout = random.Next(2) == 0 ? MemoryLayout.Flat : MemoryLayout.X86_64,
                Backing = random.Next(2) == 0 ? BackingKind.Automatic : BackingKind.Portable,
                GiveBackAfter = TimeSpan.FromMilliseconds(4),
                AtomicReserve = random.Next(4) == 0 ? ReservePopulation.AtBoot : ReservePopulation.InBackground,
            });
            bool stop = false;
            int working = Workers;
            for (int w = 0; w < Workers; w++)
            {
                int number = random.Next();
                int life = random.Next(2 * LifetimeMilliseconds);
                new Thread(() =>
                {
                    Work(memory, new Random(number), life, ref stop);
                    Interlocked.Decrement(ref working);
                }).Start();
            }

            Thread.Sleep(random.Next(LifetimeMilliseconds));
            Volatile.Write(ref stop, true);
            SpinWait wait = default;
            while (Volatile.Read(ref working) != 0) wait.SpinOnce(sleep1Threshold: -1);
            if (random.Next(4) == 0)
            {
                foreach (string error in memory.Validate()) Fail(error);
            }

            memory.Dispose();
        }
    }

    private void Work(KernelMemory memory, Random random, int life, ref bool stop)
    {
        GfpFlags[] kinds = [GfpFlags.Kernel, GfpFlags.Atomic, GfpFlags.NoWait, GfpFlags.Kernel | GfpFlags.Movable, GfpFlags.Kernel | GfpFlags.Compound];
        var live = new List<(nint Page, int Order)>();
        long end = Environment.TickCount64 + life;
        long operations = 0;
        while (!Volatile.Read(ref stop) && Environment.TickCount64 < end)
        {
            operations++;
            if (random.Next(100) < 60)
            {
                int order = random.Next(20) == 0 ? random.Next(11) : random.Next(3);
                Page* page = memory.TryAllocPages(kinds[random.Next(kinds.Length)] | GfpFlags.NoWarn, order);
                if (page != null)
                {
                    *(long*)memory.PageAddress(page) = order;
                    live.Add(((nint)page, order));
                    continue;
                }
            }

            // Out of memory: most of it goes, so that the background thread has large blocks to give back.
            for (int n = random.Next(100) == 0 ? live.Count : 1; n > 0 && live.Count > 0; n--)
            {
                (nint page, int order) = live[^1];
                live.RemoveAt(live.Count - 1);
                if (*(long*)memory.PageAddress((Page*)page) != order) Fail("a block was overwritten");
                memory.FreePages((Page*)page, order);
            }
        }

        Interlocked.Add(ref _operations, operations);
    }

    /// <summary>Threads that ended give up their blocks when they are collected.</summary>
    private void Collect()
    {
        while (Volatile.Read(ref _done) == 0)
        {
            GC.Collect();
            Thread.Sleep(1);
        }
    }

    private void Watch()
    {
        var files = new Queue<FileStream>();
        while (Volatile.Read(ref _done) == 0)
        {
            files.Enqueue(new FileStream(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 0, FileOptions.DeleteOnClose));
            if (files.Count == 16) Close(files.Dequeue());
            Thread.Yield();
        }

        while (files.TryDequeue(out FileStream? file)) Close(file);

        void Close(FileStream file)
        {
            if (file.Length != 0) Fail("somebody wrote to a descriptor that was closed");
            file.Dispose();
        }
    }

    private void Fail(string text)
    {
        lock (_errors) _errors.Add(text);
    }
}
