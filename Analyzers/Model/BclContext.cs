// What .NET's own calls have to do with contexts: the spin lock whose holder must not block, and the calls that block. Kept apart from the memory
// contracts, because names such as "Wait" and "Result" are in every program: they are looked for only where some code must not block at all.
//
// A call that waits only as long as it is told to does not block if that is no time. Left out on purpose: Thread.Yield, Thread.SpinWait and SpinWait (they wait for
// nobody), Monitor.TryEnter and its like without a time, and writing to the console, which is how one looks into such code.

namespace KAlloc.Analyzers.Model;

internal static class BclContext
{
    /// <summary>What a file says that puts code where it must not block, besides calls of entering methods.</summary>
    internal static readonly string[] AtomicNames =
    [
        "SpinLock", "AtomicContext", "AtomicContextAttribute", "InterruptHandler", "InterruptHandlerAttribute", "SoftIrq", "SoftIrqAttribute", "Tasklet",
        "TaskletAttribute", "TimerCallback", "TimerCallbackAttribute", "EntersAtomic", "EntersAtomicAttribute",
    ];

    internal static readonly ContractTable Sections = ContractTable.Parse(
        """
        System.Threading.SpinLock.Enter(lockTaken): enters preempt lock=this taken=lockTaken left-by=Exit
        System.Threading.SpinLock.TryEnter(lockTaken): enters preempt lock=this taken=lockTaken tries left-by=Exit
        System.Threading.SpinLock.TryEnter(millisecondsTimeout, lockTaken): enters preempt lock=this taken=lockTaken tries left-by=Exit
        System.Threading.SpinLock.TryEnter(timeout, lockTaken): enters preempt lock=this taken=lockTaken tries left-by=Exit
        System.Threading.SpinLock.Exit(*): leaves preempt lock=this
        """);

    internal static readonly ContractTable Blocking = ContractTable.Parse(
        """
        # Threads and monitors. A lock statement is Monitor.Enter or Lock.EnterScope.
        System.Threading.Thread.Sleep(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Thread.Sleep(timeout): blocks-unless-zero timeout
        System.Threading.Thread.Join(): blocks
        System.Threading.Thread.Join(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Thread.Join(timeout): blocks-unless-zero timeout
        System.Threading.Monitor.Enter(*): blocks
        System.Threading.Monitor.TryEnter(obj, millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Monitor.TryEnter(obj, timeout): blocks-unless-zero timeout
        System.Threading.Monitor.TryEnter(obj, millisecondsTimeout, lockTaken): blocks-unless-zero millisecondsTimeout
        System.Threading.Monitor.TryEnter(obj, timeout, lockTaken): blocks-unless-zero timeout
        System.Threading.Monitor.Wait(*): blocks
        System.Threading.Lock.Enter(): blocks
        System.Threading.Lock.EnterScope(): blocks
        System.Threading.Lock.TryEnter(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Lock.TryEnter(timeout): blocks-unless-zero timeout

        # Tasks
        System.Threading.Tasks.Task.Wait(): blocks
        System.Threading.Tasks.Task.Wait(cancellationToken): blocks
        System.Threading.Tasks.Task.Wait(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Tasks.Task.Wait(timeout): blocks-unless-zero timeout
        System.Threading.Tasks.Task.Wait(millisecondsTimeout, cancellationToken): blocks-unless-zero millisecondsTimeout
        System.Threading.Tasks.Task.Wait(timeout, cancellationToken): blocks-unless-zero timeout
        System.Threading.Tasks.Task.WaitAll(tasks): blocks
        System.Threading.Tasks.Task.WaitAll(tasks, cancellationToken): blocks
        System.Threading.Tasks.Task.WaitAll(tasks, millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Tasks.Task.WaitAll(tasks, timeout): blocks-unless-zero timeout
        System.Threading.Tasks.Task.WaitAny(tasks): blocks
        System.Threading.Tasks.Task.WaitAny(tasks, cancellationToken): blocks
        System.Threading.Tasks.Task.WaitAny(tasks, millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Tasks.Task.WaitAny(tasks, timeout): blocks-unless-zero timeout
        System.Threading.Tasks.Task`1.Result(): blocks
        System.Threading.Tasks.ValueTask`1.Result(): blocks
        System.Runtime.CompilerServices.TaskAwaiter.GetResult(): blocks
        System.Runtime.CompilerServices.TaskAwaiter`1.GetResult(): blocks
        System.Runtime.CompilerServices.ConfiguredTaskAwaitable+ConfiguredTaskAwaiter.GetResult(): blocks
        System.Runtime.CompilerServices.ConfiguredTaskAwaitable`1+ConfiguredTaskAwaiter.GetResult(): blocks
        System.Runtime.CompilerServices.ValueTaskAwaiter.GetResult(): blocks
        System.Runtime.CompilerServices.ValueTaskAwaiter`1.GetResult(): blocks
        System.Threading.Tasks.Parallel.For(*): blocks
        System.Threading.Tasks.Parallel.ForEach(*): blocks
        System.Threading.Tasks.Parallel.Invoke(*): blocks

        # Events, semaphores, reader-writer locks, collections
        System.Threading.WaitHandle.WaitOne(): blocks
        System.Threading.WaitHandle.WaitOne(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.WaitHandle.WaitOne(timeout): blocks-unless-zero timeout
        System.Threading.WaitHandle.WaitOne(millisecondsTimeout, exitContext): blocks-unless-zero millisecondsTimeout
        System.Threading.WaitHandle.WaitOne(timeout, exitContext): blocks-unless-zero timeout
        System.Threading.WaitHandle.WaitAny(waitHandles): blocks
        System.Threading.WaitHandle.WaitAny(waitHandles, millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.WaitHandle.WaitAny(waitHandles, timeout): blocks-unless-zero timeout
        System.Threading.WaitHandle.WaitAll(waitHandles): blocks
        System.Threading.WaitHandle.WaitAll(waitHandles, millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.WaitHandle.WaitAll(waitHandles, timeout): blocks-unless-zero timeout
        System.Threading.WaitHandle.SignalAndWait(toSignal, toWaitOn): blocks
        System.Threading.SemaphoreSlim.Wait(): blocks
        System.Threading.SemaphoreSlim.Wait(cancellationToken): blocks
        System.Threading.SemaphoreSlim.Wait(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.SemaphoreSlim.Wait(timeout): blocks-unless-zero timeout
        System.Threading.SemaphoreSlim.Wait(millisecondsTimeout, cancellationToken): blocks-unless-zero millisecondsTimeout
        System.Threading.SemaphoreSlim.Wait(timeout, cancellationToken): blocks-unless-zero timeout
        System.Threading.ManualResetEventSlim.Wait(): blocks
        System.Threading.ManualResetEventSlim.Wait(cancellationToken): blocks
        System.Threading.ManualResetEventSlim.Wait(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.ManualResetEventSlim.Wait(timeout): blocks-unless-zero timeout
        System.Threading.ManualResetEventSlim.Wait(millisecondsTimeout, cancellationToken): blocks-unless-zero millisecondsTimeout
        System.Threading.ManualResetEventSlim.Wait(timeout, cancellationToken): blocks-unless-zero timeout
        System.Threading.CountdownEvent.Wait(): blocks
        System.Threading.CountdownEvent.Wait(cancellationToken): blocks
        System.Threading.CountdownEvent.Wait(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.CountdownEvent.Wait(timeout): blocks-unless-zero timeout
        System.Threading.CountdownEvent.Wait(millisecondsTimeout, cancellationToken): blocks-unless-zero millisecondsTimeout
        System.Threading.CountdownEvent.Wait(timeout, cancellationToken): blocks-unless-zero timeout
        System.Threading.Barrier.SignalAndWait(): blocks
        System.Threading.Barrier.SignalAndWait(cancellationToken): blocks
        System.Threading.Barrier.SignalAndWait(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.Barrier.SignalAndWait(timeout): blocks-unless-zero timeout
        System.Threading.SpinWait.SpinUntil(condition): blocks
        System.Threading.SpinWait.SpinUntil(condition, millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.SpinWait.SpinUntil(condition, timeout): blocks-unless-zero timeout
        System.Threading.ReaderWriterLockSlim.EnterReadLock(): blocks
        System.Threading.ReaderWriterLockSlim.EnterWriteLock(): blocks
        System.Threading.ReaderWriterLockSlim.EnterUpgradeableReadLock(): blocks
        System.Threading.ReaderWriterLockSlim.TryEnterReadLock(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.ReaderWriterLockSlim.TryEnterReadLock(timeout): blocks-unless-zero timeout
        System.Threading.ReaderWriterLockSlim.TryEnterWriteLock(millisecondsTimeout): blocks-unless-zero millisecondsTimeout
        System.Threading.ReaderWriterLockSlim.TryEnterWriteLock(timeout): blocks-unless-zero timeout
        System.Collections.Concurrent.BlockingCollection`1.Take(*): blocks
        System.Threading.SynchronizationContext.Send(*): blocks
        System.GC.WaitForPendingFinalizers(): blocks

        # Files, processes, the network, the keyboard
        System.IO.File.ReadAllBytes(*): blocks
        System.IO.File.ReadAllText(*): blocks
        System.IO.File.ReadAllLines(*): blocks
        System.IO.File.WriteAllBytes(*): blocks
        System.IO.File.WriteAllText(*): blocks
        System.IO.File.WriteAllLines(*): blocks
        System.IO.File.AppendAllText(*): blocks
        System.IO.File.AppendAllLines(*): blocks
        System.IO.File.AppendAllBytes(*): blocks
        System.IO.File.Open(*): blocks
        System.IO.File.OpenRead(*): blocks
        System.IO.File.OpenWrite(*): blocks
        System.IO.File.OpenText(*): blocks
        System.IO.File.OpenHandle(*): blocks
        System.IO.File.Create(*): blocks
        System.IO.File.Copy(*): blocks
        System.IO.File.Move(*): blocks
        System.IO.File.Delete(*): blocks
        System.IO.FileStream.Read(*): blocks
        System.IO.FileStream.Write(*): blocks
        System.IO.FileStream.Flush(*): blocks
        System.IO.RandomAccess.Read(*): blocks
        System.IO.RandomAccess.Write(*): blocks
        System.Net.Sockets.Socket.Connect(*): blocks
        System.Net.Sockets.Socket.Accept(*): blocks
        System.Net.Sockets.NetworkStream.Read(*): blocks
        System.Net.Sockets.NetworkStream.Write(*): blocks
        System.Net.Dns.GetHostEntry(*): blocks
        System.Net.Dns.GetHostAddresses(*): blocks
        System.Net.Http.HttpClient.Send(*): blocks
        System.Diagnostics.Process.Start(*): blocks
        System.Diagnostics.Process.WaitForExit(): blocks
        System.Diagnostics.Process.WaitForExit(milliseconds): blocks-unless-zero milliseconds
        System.Diagnostics.Process.WaitForExit(timeout): blocks-unless-zero timeout
        System.Console.ReadLine(): blocks
        System.Console.ReadKey(*): blocks
        System.Console.Read(): blocks
        """);
}
