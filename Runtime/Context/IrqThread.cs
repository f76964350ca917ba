// The thread of a threaded interrupt: woken by a handler's IRQ_WAKE_THREAD, it runs the second half in process context.
//
// Wake-ups while it runs are one more turn, not more. A one-shot line stays masked from the wake-up until the turn is over.
// Invariant: Idle is false from Wake until the function has returned and nothing more is wanted. Kernel concept: irq_thread, IRQF_ONESHOT.

namespace KAlloc;

internal sealed unsafe class IrqThread
{
    private readonly object _gate = new();
    private readonly Func<IrqReturn> _function;
    private readonly Action? _turnOver;
    private readonly Thread _thread;
    private bool _wanted;
    private bool _running;
    private bool _stop;

    /// <param name="name">The thread's name.</param>
    /// <param name="function">The second half.</param>
    /// <param name="turnOver">Called on the thread after each turn that a wake-up asked for.</param>
    internal IrqThread(string name, Func<IrqReturn> function, Action? turnOver)
    {
        _function = function;
        _turnOver = turnOver;
        _thread = new Thread(Loop) { IsBackground = true, Name = name };
        _thread.Start();
    }

    internal bool IsCurrent => Thread.CurrentThread == _thread;

    /// <summary>Asks for a turn; <see langword="false"/> if one is asked for already.</summary>
    internal bool Wake()
    {
        lock (_gate)
        {
            if (_wanted) return false;
            _wanted = true;
            Monitor.PulseAll(_gate);
            return true;
        }
    }

    /// <summary>Waits until no turn is wanted or under way.</summary>
    internal void WaitUntilIdle()
    {
        bool interrupted = false;
        lock (_gate)
        {
            while (_wanted || _running) ParkingLot.Sleep(_gate, Timeout.Infinite, interruptible: false, ref interrupted);
        }

        ParkingLot.PassOn(interrupted);
    }

    /// <summary>Lets the turns that are wanted run, and ends the thread.</summary>
    internal void Stop()
    {
        lock (_gate)
        {
            _stop = true;
            Monitor.PulseAll(_gate);
        }

        WaitUntilIdle();
    }

    private void Loop()
    {
        CpuBlock* block = CpuBlocks.Current;
        while (TakeTurn())
        {
            try
            {
                _function();
            }
            catch (Exception e)
            {
                KernelReports.Warn($"WARNING: {ContextReport.Task} failed: {e.Message}");
            }

            Preemption.CheckLeft(block, "threaded irq");
            _turnOver?.Invoke();
        }

        CpuBlocks.Detach();
    }

    private bool TakeTurn()
    {
        lock (_gate)
        {
            _running = false;
            Monitor.PulseAll(_gate);
            while (!_wanted)
            {
                if (_stop) return false;
                Monitor.Wait(_gate);
            }

            _wanted = false;
            return _running = true;
        }
    }
}
