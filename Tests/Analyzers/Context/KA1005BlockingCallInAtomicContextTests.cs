using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1005BlockingCallInAtomicContextTests
{
    private static string Source(string members) =>
        $$"""
        using System;
        using System.IO;
        using System.Threading;
        using System.Threading.Tasks;
        using KAlloc;
        using static KAlloc.Linux;

        class C
        {
            static readonly object Gate = new();
            static readonly Lock NewGate = new();
            static readonly SemaphoreSlim Semaphore = new(1);
            static readonly ManualResetEventSlim Event = new();
            static KernelSpinLock KernelLock;
            static SpinLock Spin;
            static int Count;
            static Task Work() => Task.Delay(1);
            static async Task<int> Number() { await Work(); return 1; }
        {{members}}
        }
        """;

    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Source(members));

    [Fact]
    public Task Message_NamesTheSection() => Verify.VerifyPathAsync(
        Source("static void M() { using var atomic = {|#1:Atomic.Enter()|}; lock ({|#0:Gate|}) Count++; }"),
        Verify.Diagnostic("KA1005").WithLocation(0).WithLocation(1).WithArguments("lock", "while 'Atomic.Enter' is in force"),
        "'Atomic.Enter' is called here: from here on the code must not sleep");

    [Theory]
    [InlineData("[AtomicContext] static void M() { lock ({|KA1005:Gate|}) Count++; }")]
    [InlineData("[AtomicContext] static void M() { lock ({|KA1005:NewGate|}) Count++; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Monitor.Enter(Gate)|}; Monitor.Exit(Gate); }")]
    [InlineData("[AtomicContext] static void M() { if ({|KA1005:Monitor.TryEnter(Gate, 10)|}) Monitor.Exit(Gate); }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Thread.Sleep(1)|}; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Thread.Sleep(TimeSpan.FromMilliseconds(1))|}; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Work().Wait()|}; }")]
    [InlineData("[AtomicContext] static int M() => {|KA1005:Number().Result|};")]
    [InlineData("[AtomicContext] static int M() => {|KA1005:Number().GetAwaiter().GetResult()|};")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Number().ConfigureAwait(false).GetAwaiter().GetResult()|}; }")]
    [InlineData("static Task Either(bool b) => b ? Task.CompletedTask : Work(); [AtomicContext] static void M() { {|KA1005:Either(true).Wait()|}; }")]
    [InlineData("static ValueTask Other() => new ValueTask(Work()); [AtomicContext] static void M() { {|KA1005:Other().GetAwaiter().GetResult()|}; }")]
    [InlineData("class D { public virtual Task Done() => Task.CompletedTask; } [AtomicContext] static void M(D d) { {|KA1005:d.Done().Wait()|}; }")]
    [InlineData("[AtomicContext] static void M(Task a, Task b) { {|KA1005:Task.WaitAll(a, b)|}; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Semaphore.Wait()|}; Semaphore.Release(); }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Event.Wait(Timeout.Infinite)|}; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Event.Wait()|}; }")]
    [InlineData("[AtomicContext] static void M(Thread t) { {|KA1005:t.Join()|}; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:Parallel.For(0, 4, i => Count++)|}; }")]
    [InlineData("[AtomicContext] static void M(int[] a) { {|KA1005:Parallel.ForEach(a, i => Count += i)|}; }")]
    [InlineData("[AtomicContext] static void M(Task a, Task b) { {|KA1005:Task.WaitAny(a, b)|}; }")]
    [InlineData("[AtomicContext] static int M(ValueTask<int> t) => {|KA1005:t.Result|};")]
    [InlineData("[AtomicContext] static int M(ValueTask<int> t) => {|KA1005:t.GetAwaiter().GetResult()|};")]
    [InlineData("[AtomicContext] static void M(CountdownEvent e) { {|KA1005:e.Wait()|}; }")]
    [InlineData("[AtomicContext] static void M(ReaderWriterLockSlim l) { {|KA1005:l.EnterReadLock()|}; l.ExitReadLock(); }")]
    [InlineData("[AtomicContext] static void M(Mutex m) { {|KA1005:m.WaitOne()|}; m.ReleaseMutex(); }")]
    [InlineData("[AtomicContext] static void M(object o) { {|KA1005:Monitor.Wait(o)|}; }")]
    [InlineData("[AtomicContext] static void M(WaitHandle[] all) { {|KA1005:WaitHandle.WaitAll(all)|}; }")]
    [InlineData("[AtomicContext] static int M(System.Collections.Concurrent.BlockingCollection<int> c) => {|KA1005:c.Take()|};")]
    [InlineData("[AtomicContext] static void M(System.Diagnostics.Process p) { {|KA1005:p.WaitForExit()|}; }")]
    [InlineData("[AtomicContext] static void M() { {|KA1005:SpinWait.SpinUntil(() => Count > 0)|}; }")]
    [InlineData("[AtomicContext] static async Task M(System.Collections.Generic.IAsyncEnumerable<int> s) { {|KA1005:await|} foreach (int i in s) Count += i; }")]
    [InlineData("[AtomicContext] static async Task M(IAsyncDisposable d) { {|KA1005:await|} using (d) { Count++; } }")]
    [InlineData("[AtomicContext] static async Task M(IAsyncDisposable d) { {|KA1005:await|} using var held = d; Count++; }")]
    [InlineData("[AtomicContext] static void M(AutoResetEvent e) { {|KA1005:e.WaitOne()|}; }")]
    [InlineData("[AtomicContext] static byte[] M() => {|KA1005:File.ReadAllBytes(\"x\")|};")]
    [InlineData("[AtomicContext] static int M(FileStream f, byte[] b) => {|KA1005:f.Read(b, 0, 1)|};")]
    [InlineData("[AtomicContext] static string M() => {|KA1005:Console.ReadLine()|};")]
    [InlineData("[AtomicContext] static async Task M() { await {|CS0103:Missing|}(); }")]
    [InlineData("[AtomicContext] static async Task M() { {|KA1005:await Work()|}; }")]
    [InlineData("static void M() { using (Atomic.Enter()) { {|KA1005:Thread.Sleep(1)|}; } }")]
    [InlineData("static void M() { spin_lock(ref KernelLock); lock ({|KA1005:Gate|}) Count++; spin_unlock(ref KernelLock); }")]
    [InlineData("[InterruptHandler] static void M() { {|KA1005:Thread.Sleep(5)|}; }")]
    [InlineData("static void M() { bool taken = false; Spin.Enter(ref taken); {|KA1005:Thread.Sleep(1)|}; Spin.Exit(); }")]
    [InlineData("static void M() { bool taken = false; try { Spin.Enter(ref taken); lock ({|KA1005:Gate|}) Count++; } finally { if (taken) Spin.Exit(); } }")]
    [InlineData("static void M() { bool taken = false; Spin.TryEnter(ref taken); if (taken) { {|KA1005:Thread.Sleep(1)|}; Spin.Exit(); } }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { using var a = Atomic.Enter(); {|KA1005:Thread.Sleep(i + 1)|}; } }")]
    [InlineData("[AtomicContext] static void M() { try { {|KA1005:Work().Wait()|}; } finally { Count++; } }")]
    [InlineData("static void M() { [AtomicContext] void Callback() { lock ({|KA1005:Gate|}) Count++; } Callback(); }")]
    [InlineData("static void Register([AtomicContext] Action callback) { } static void M() { Register(() => { lock ({|KA1005:Gate|}) Count++; }); }")]
    [InlineData("static void Register([AtomicContext] Action callback) { } static void Callback() { {|KA1005:Thread.Sleep(1)|}; } static void M() { Register(Callback); }")]
    public Task BlockingCall_WhereItMustNot_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { lock (Gate) Count++; Thread.Sleep(1); Work().Wait(); }")]
    [InlineData("static async Task M() { lock (Gate) Count++; await Work(); }")]
    [InlineData("static async Task M(System.Collections.Generic.IAsyncEnumerable<int> s) { await foreach (int i in s) { using var a = Atomic.Enter(); Count += i; } }")]
    [InlineData("static void M() { using (Atomic.Enter()) { Count++; } lock (Gate) Count++; Work().Wait(); }")]
    [InlineData("static void M() { lock (Gate) { using (Atomic.Enter()) { Count++; } } }")]
    [InlineData("[AtomicContext] static void M() { if (Monitor.TryEnter(Gate)) Monitor.Exit(Gate); }")]
    [InlineData("[AtomicContext] static void M() { if (Monitor.TryEnter(Gate, 0)) Monitor.Exit(Gate); }")]
    [InlineData("[AtomicContext] static bool M() => Semaphore.Wait(0) && Event.Wait(TimeSpan.Zero);")]
    [InlineData("[AtomicContext] static void M(int timeout) { Event.Wait(timeout); }")]
    [InlineData("[AtomicContext] static void M() { Thread.Sleep(0); Thread.Yield(); Thread.SpinWait(20); new SpinWait().SpinOnce(); }")]
    [InlineData("[AtomicContext] static int M(Task<int> t) => t.IsCompletedSuccessfully ? t.Result : 0;")]
    [InlineData("[AtomicContext] static int M(Task<int> t) { if (!t.IsCompleted) return 0; return t.GetAwaiter().GetResult(); }")]
    [InlineData("static async Task<int> M() { Task<int> a = Number(), b = Number(); await Task.WhenAll(a, b); return Sum(a, b); int Sum(Task<int> x, Task<int> y) { using var s = Atomic.Enter(); return a.Result + b.Result; } }")]
    [InlineData("static int M() { Task<int> t = Number(); t.Wait(); using var s = Atomic.Enter(); return t.Result; }")]
    [InlineData("[AtomicContext] static int M() => Task.FromResult(3).Result;")]
    [InlineData("static Task Done() => Task.CompletedTask; [AtomicContext] static void M() => Done().Wait();")]
    [InlineData("static Task<int> Done(int x) { if (x < 0) return Task.FromException<int>(new Exception()); Count += x; return Task.FromResult(x); } [AtomicContext] static int M() => Done(1).GetAwaiter().GetResult();")]
    [InlineData("static ValueTask<int> Done(int x) => x > 0 ? new ValueTask<int>(x) : default; [AtomicContext] static int M() => Done(1).Result;")]
    [InlineData("static async Task<int> Done() { Func<Task> later = async () => await Work(); return 1; } [AtomicContext] static int M() => Done().Result;")]
    [InlineData("static async Task M() { spin_lock(ref KernelLock); await Done(); spin_unlock(ref KernelLock); } static Task Done() => Task.CompletedTask;")]
    [InlineData("[AtomicContext] static async Task M() { await Task.CompletedTask; }")]
    [InlineData("static void M() { using (Atomic.Enter()) { Action later = () => { lock (Gate) Count++; }; Later += later; } } static event Action Later;")]
    [InlineData("static void M() { bool taken = false; Spin.Enter(ref taken); try { Count++; } finally { if (taken) Spin.Exit(); } Thread.Sleep(1); }")]
    [InlineData("static void M() { bool taken = false; try { Spin.Enter(ref taken); Count++; } finally { if (taken) Spin.Exit(false); } lock (Gate) Count++; }")]
    [InlineData("static void M() { bool taken = false; Spin.TryEnter(ref taken); if (!taken) { Thread.Sleep(1); return; } Count++; Spin.Exit(); }")]
    [InlineData("static void M() { bool taken = false; while (!taken) { Spin.TryEnter(100, ref taken); if (!taken) Thread.Sleep(1); } Spin.Exit(); }")]
    [InlineData("static void M() { spin_lock(ref KernelLock); Count++; spin_unlock(ref KernelLock); lock (Gate) Count++; }")]
    [InlineData("static void M(bool atomic) { if (atomic) spin_lock(ref KernelLock); if (!atomic) Thread.Sleep(1); if (atomic) spin_unlock(ref KernelLock); }")]
    [InlineData("class Task2 { public int Result; public void Wait() { } } [AtomicContext] static int M(Task2 t) { t.Wait(); return t.Result; }")]
    [InlineData("[ProcessContext] static void M() { lock (Gate) Count++; Thread.Sleep(1); }")]
    [InlineData("[AtomicContext] static Stream M(MemoryStream m, byte[] b) { m.Read(b, 0, 1); return m; }")]
    [InlineData("[AtomicContext] static void M() { {|CS0103:Missing|}(); lock (Gate) Count++; }")]
    public Task BlockingCall_WhereItMay_StaysSilent(string members) => VerifyAsync(members);

    /// <summary>Where another method lies between, the rule for chains speaks at the call that is made.</summary>
    [Theory]
    [InlineData("static void Add() { lock ({|#1:Gate|}) Count++; } [AtomicContext] static void M() { {|#0:Add()|}; }", "C.Add", "in 'M', which must not sleep", "C.Add → lock")]
    [InlineData("static int Value => {|#1:Number().Result|}; [AtomicContext] static int M() => {|#0:Value|};", "C.Value", "in 'M', which must not sleep", "C.Value → Task.Result")]
    public Task BlockingCall_InsideOfAnother_IsTheChainsRule(string members, string call, string where, string chain) => Verify.VerifyAnalyzerAsync(
        Source(members), Verify.Diagnostic("KA1004").WithLocation(0).WithLocation(1).WithArguments(call, where, chain));

    [Theory]
    [InlineData("static async Task M() { spin_lock(ref KernelLock); {|KA1003:await Work()|}; spin_unlock(ref KernelLock); }")]
    [InlineData("[InterruptHandler] static async void M() { {|KA1003:await Work()|}; }")]
    [InlineData("static async Task M() { spin_lock(ref KernelLock); {|KA1003:await|} using (Stream s = new MemoryStream()) { Count++; } spin_unlock(ref KernelLock); }")]
    [InlineData("static async Task M() { spin_lock(ref KernelLock); spin_unlock(ref KernelLock); await Work(); }")]
    public Task Await_UnderAKernelLock_IsTheSleepingCallsRule(string members) => VerifyAsync(members);

    [Fact]
    public Task SpinLock_NotLeftOnAPath_IsTheSectionsRule() => VerifyAsync(
        "static int M(int x) { bool taken = false; Spin.Enter(ref taken); if (x < 0) {|KA1006:return -1;|} Count += x; Spin.Exit(); return 0; }");

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        [AtomicContext] static void M()
        {
        #pragma warning disable KA1005
            Thread.Sleep(1);
        #pragma warning restore KA1005
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Source("[AtomicContext] static void M() { Thread.Sleep(1); }"), [("dotnet_diagnostic.KA1005.severity", "none")]);
}
