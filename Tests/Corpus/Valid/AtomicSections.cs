// An audio callback and what feeds it: the callback must not block, so it tries and gives up; the feeder may wait, and does so outside the section.

using System.Threading;
using KAlloc;

namespace Corpus.AtomicSections;

public sealed class AudioMixer(int frames)
{
    private readonly float[] _pending = new float[frames];
    private readonly Lock _gate = new();
    private int _filled;

    public int Dropped { get; private set; }

    [AtomicContext]
    public void Render(float[] output)
    {
        if (!_gate.TryEnter())
        {
            Dropped++;
            return;
        }

        try
        {
            int count = Copy(output);
            _filled -= count;
        }
        finally
        {
            _gate.Exit();
        }
    }

    public void Feed(float[] samples)
    {
        while (!TryFeed(samples)) Thread.Sleep(1);
    }

    private bool TryFeed(float[] samples)
    {
        using AtomicSection section = Atomic.Enter();
        if (_filled + samples.Length > _pending.Length) return false;
        for (int i = 0; i < samples.Length; i++) _pending[_filled + i] = samples[i];
        _filled += samples.Length;
        return true;
    }

    private int Copy(float[] output)
    {
        int count = _filled < output.Length ? _filled : output.Length;
        for (int i = 0; i < count; i++) output[i] = _pending[i];
        return count;
    }
}

public static class Frames
{
    public static long Sum(int[] values)
    {
        long sum = 0;
        using (Atomic.Enter())
        {
            foreach (int value in values)
            {
                if (value < 0) return -1;
                sum += value;
            }
        }

        Thread.Sleep(0);
        return sum;
    }
}
