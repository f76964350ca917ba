// Waiting for time to pass: asleep (msleep) or spinning (udelay).
// Invariant: never shorter than asked. An interrupt of the .NET thread does not end a sleep; it is passed on afterwards.
// Kernel concept: msleep, usleep_range, udelay.

using System.Diagnostics;

namespace KAlloc;

internal static class Delay
{
    internal static void Sleep(ulong milliseconds, long microseconds) => Sleep((long)milliseconds + (microseconds + 999) / 1000);

    internal static void Sleep(long milliseconds)
    {
        long start = Stopwatch.GetTimestamp();
        bool interrupted = false;
        while (true)
        {
            double left = milliseconds - Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (left <= 0) break;
            try
            {
                Thread.Sleep((int)Math.Min(Math.Ceiling(left), int.MaxValue));
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        ParkingLot.PassOn(interrupted);
    }

    internal static void Spin(nuint microseconds)
    {
        long start = Stopwatch.GetTimestamp();
        double target = microseconds;
        while (Stopwatch.GetElapsedTime(start).TotalMicroseconds < target) Thread.SpinWait(10);
    }
}
