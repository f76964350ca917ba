// Wakes one waiting thread from a thread that must not wait itself.
//
// Linux: a non-blocking eventfd. The write is one system call that takes no lock anybody sleeps under. .NET's own events take a lock of the whole
// process on Unix, so an allocation that may not wait cannot use them. Elsewhere: an AutoResetEvent, which is a system call on Windows.
// Kernel concept: wake_up_interruptible.

namespace KAlloc;

internal sealed unsafe class WakeSignal : IDisposable
{
    private readonly int _fd = -1;
    private readonly AutoResetEvent? _event;

    internal WakeSignal()
    {
        if (OperatingSystem.IsLinux()) _fd = PosixNative.Eventfd(0, PosixNative.EfdNonBlock | PosixNative.EfdCloexec);
        if (_fd < 0) _event = new AutoResetEvent(false);
    }

    /// <summary>Wakes the waiter, now or when it next waits. Never waits.</summary>
    internal void Set()
    {
        ulong one = 1;
        if (_event is not null) _event.Set();
        else PosixNative.Write(_fd, &one, sizeof(ulong));
    }

    /// <summary>Waits for <see cref="Set"/>.</summary>
    /// <param name="milliseconds">At most so long; -1: for ever.</param>
    internal void Wait(int milliseconds)
    {
        if (_event is not null)
        {
            _event.WaitOne(milliseconds);
            return;
        }

        var poll = new PosixNative.PollFd { Fd = _fd, Events = PosixNative.PollIn };
        ulong count;
        if (PosixNative.Poll(&poll, 1, milliseconds) > 0) PosixNative.Read(_fd, &count, sizeof(ulong));
    }

    public void Dispose()
    {
        _event?.Dispose();
        if (_fd >= 0) PosixNative.Close(_fd);
    }
}
