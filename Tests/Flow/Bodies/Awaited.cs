// Async methods whose task is waited for where they are called: all that they do is done then.

using System;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using KAlloc;
using static KAlloc.Linux;

static class Bodies
{
    static nint s_kept;
    static Task s_pending = Task.CompletedTask;

    static void FreedWithAnotherOrder()
    {
        nuint pages = __get_free_pages(GFP_KERNEL, 0);
        if (pages == 0) return;
        FreePagesAsync(pages).GetAwaiter().GetResult(); // expect: KA3001
    }

    static void FreedWithItsOrder()
    {
        nuint pages = __get_free_pages(GFP_KERNEL, 1);
        if (pages == 0) return;
        FreePagesAsync(pages).GetAwaiter().GetResult();
    }

    static void UsedAfter()
    {
        nint p = Marshal.AllocHGlobal(64);
        FreeAsync(p).Wait();
        Marshal.WriteByte(p, 1); // expect: KA4006
    }

    static async Task FreedTwiceAsync()
    {
        nint p = Marshal.AllocHGlobal(64);
        await FreeAsync(p);
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    static async Task FreedByAnotherFamilyAsync()
    {
        nint p = Marshal.AllocCoTaskMem(64);
        await FreeLaterAsync(p).ConfigureAwait(false); // expect: KA4007
    }

    static async Task UsedWhileItIsUnderWayAsync()
    {
        nint p = Marshal.AllocHGlobal(64);
        Task freeing = FreeLaterAsync(p);
        Marshal.WriteByte(p, 1);
        await freeing;
    }

    static void NotWaitedFor()
    {
        nint p = Marshal.AllocHGlobal(64);
        s_pending = FreeLaterAsync(p);
        Marshal.WriteByte(p, 1);
    }

    static async Task MadeAndFreedAsync()
    {
        nint p = await MakeAsync(8);
        Marshal.FreeHGlobal(p);
    }

    static async Task MadeAndLostAsync()
    {
        nint p = await MakeAsync(8);
        Marshal.WriteByte(p, 1);
    } // expect: KA4001

    static void MadeWithAResult()
    {
        nint p = MakeAsync(8).Result;
        Marshal.FreeHGlobal(p);
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    static async Task FreedIfItSaysSoAsync(bool frees)
    {
        nint p = Marshal.AllocHGlobal(64);
        if (!await FreeIfAsync(p, frees)) Marshal.FreeHGlobal(p);
    }

    static async Task KeptAndUsedAsync()
    {
        nint p = Marshal.AllocHGlobal(64);
        await KeepAsync(p);
        Marshal.WriteByte(p, 1);
    }

    static async Task FreedBehindAnAwaitThatHasEndedAsync(nint p)
    {
        s_kept = p;
        await Task.CompletedTask;
        Marshal.FreeHGlobal(s_kept);
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    static async Task ChangedBehindAnAwaitAsync(nint p)
    {
        s_kept = p;
        await Task.Yield();
        Marshal.FreeHGlobal(s_kept);
        Marshal.FreeHGlobal(p);
    }

    static async Task ChangedWhileItWasAwaitedAsync(Task other, nint p)
    {
        s_kept = p;
        if (other.IsCompleted) return;
        await other;
        Marshal.FreeHGlobal(s_kept);
        Marshal.FreeHGlobal(p);
    }

    static async Task FreedWhereItFailsAsync(bool fails)
    {
        nint p = Marshal.AllocHGlobal(64);
        try
        {
            await CheckAsync(fails);
        }
        catch (InvalidOperationException)
        {
            Marshal.FreeHGlobal(p);
            return;
        }

        Marshal.FreeHGlobal(p);
    }

    private static async Task CheckAsync(bool fails)
    {
        if (fails) throw new InvalidOperationException();
        await Task.Yield();
    }

    private static async Task FreePagesAsync(nuint pages)
    {
        await Task.CompletedTask;
        free_pages(pages, 1);
    }

    private static async Task FreeAsync(nint p)
    {
        await Task.CompletedTask;
        Marshal.FreeHGlobal(p);
    }

    private static async Task FreeLaterAsync(nint p)
    {
        await Task.Yield();
        Marshal.FreeHGlobal(p);
    }

    private static async Task<nint> MakeAsync(int size)
    {
        await Task.Yield();
        return Marshal.AllocHGlobal(size);
    }

    private static async Task<bool> FreeIfAsync(nint p, bool frees)
    {
        await Task.Yield();
        if (!frees) return false;
        Marshal.FreeHGlobal(p);
        return true;
    }

    private static async Task KeepAsync(nint p)
    {
        await Task.Yield();
        s_kept = p;
    }
}
