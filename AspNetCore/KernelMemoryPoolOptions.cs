namespace KAlloc.AspNetCore;

/// <summary>How <see cref="KernelMemoryPoolFactory"/> makes and trims its pools.</summary>
public sealed class KernelMemoryPoolOptions
{
    /// <summary>The memory system that buffers come from; null: <see cref="KernelMemory.Default"/>. One of its own gives connections a hard limit.</summary>
    public KernelMemory? Memory { get; set; }

    /// <summary>
    /// How often the pools are looked at. If at most half of what was held before was used since the last look, idle memory goes back to the operating
    /// system. 10 seconds unless set; <see cref="Timeout.InfiniteTimeSpan"/>: never.
    /// </summary>
    public TimeSpan IdleInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Remember where each buffer was rented, for <see cref="KernelMemoryPoolFactory.LeakReport"/>. Costs microseconds a rent: to find a leak.</summary>
    public bool Track { get; set; }
}
