namespace KAlloc;

/// <summary>What the slab layer, which is below, needs of <see cref="Rcu"/>.</summary>
internal sealed unsafe class RcuGracePeriods : IGracePeriods
{
    /// <summary>The link is an <see cref="RcuHead"/>: four words.</summary>
    public void Call(void* link, delegate*<void*, void> function, void* argument) => Rcu.Call((RcuHead*)link, function, argument);

    public void Barrier() => Rcu.Barrier();
}
