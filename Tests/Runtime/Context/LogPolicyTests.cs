using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

/// <summary>The policy is process-wide: these tests run while no others do.</summary>
[CollectionDefinition("policy", DisableParallelization = true)]
public sealed class PolicyCollection;

/// <summary>Under the policy that logs a BUG and goes on, the faulty call has no effect, and a might_sleep report comes at most once a second.</summary>
[Collection("policy")]
public unsafe class LogPolicyTests
{
    private static List<KernelReport> Logged(Action action)
    {
        KernelReports.Policy = BugPolicy.Log;
        try
        {
            return TestSupport.Reports(action);
        }
        finally
        {
            KernelReports.Policy = BugPolicy.Throw;
        }
    }

    [Fact]
    public void LockTwice_HasNoEffect() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        spin_lock(ref l);
        KernelReport report = Assert.Single(Logged(() => spin_lock(ref *p)));
        Assert.Contains("spinlock recursion", report.Text);
        Assert.Equal(1, preempt_count());
        spin_unlock(ref l);
    });

    [Fact]
    public void UnlockOfAFreeLock_HasNoEffect() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        mutex_t m = default;
        mutex_t* q = &m;
        Assert.Equal(2, Logged(() =>
        {
            spin_unlock(ref *p);
            mutex_unlock(ref *q);
        }).Count);
        Assert.Equal(0, preempt_count());
    });

    [Fact]
    public void MightSleep_InALoop_IsReportedOnceASecond() => Cpu.Run(() =>
    {
        preempt_disable();
        List<KernelReport> reports = Logged(() =>
        {
            for (int i = 0; i < 100; i++) might_sleep();
        });
        preempt_enable();
        Assert.InRange(reports.Count, 1, 2);
    });

    [Fact]
    public void MightSleep_ShortForm_HasTheTwoLinesOfTheBook() => Cpu.Run(() =>
    {
        KernelReports.SleepReport = SleepReportForm.Short;
        try
        {
            local_irq_disable();
            KernelReport report = Assert.Single(Logged(() => might_sleep("/src/drivers/daq.cs", 12)));
            local_irq_enable();
            Assert.Equal(
                "BUG: sleeping function called from invalid context at drivers/daq.cs:12\n" +
                $"in_atomic(): 0, irqs_disabled(): 1, pid: {Environment.CurrentManagedThreadId}, name: test",
                report.Text);
        }
        finally
        {
            KernelReports.SleepReport = SleepReportForm.Full;
        }
    });

    [Fact]
    public void Schedule_WhileAtomic_IsReportedAndDoesNotSleep() => Cpu.Run(() =>
    {
        preempt_disable();
        List<KernelReport> reports = Logged(() => msleep(10_000));
        preempt_enable();
        Assert.StartsWith($"BUG: scheduling while atomic: test/{Environment.CurrentManagedThreadId}/0x00000001", Assert.Single(reports).Text);
    });

    [Fact]
    public void FlushOfTheRunningItem_IsReportedAndNotHung() => Cpu.Run(() =>
    {
        var seen = new List<KernelReport>();
        void Listen(KernelReport report)
        {
            lock (seen) seen.Add(report);
        }

        work_struct* work = (work_struct*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)sizeof(work_struct));
        KernelReports.Policy = BugPolicy.Log;
        KernelReports.Reported += Listen;
        try
        {
            INIT_WORK(ref *work, w => flush_work(ref *w));
            schedule_work(ref *work);
            flush_work(ref *work);
        }
        finally
        {
            KernelReports.Reported -= Listen;
            KernelReports.Policy = BugPolicy.Throw;
        }

        cancel_work_sync(ref *work);
        System.Runtime.InteropServices.NativeMemory.Free(work);
        lock (seen) Assert.Contains(seen, report => report.Text.StartsWith("BUG: flush_work of the work item that is running"));
    });
}
