namespace KAlloc.Differential.Tests.Generation;

/// <summary>What can be wrong with a program: the label that the generator gives, and what the oracle sees.</summary>
public enum Defect
{
    Leak,
    DoubleFree,
    UseAfterFree,
    WrongDeallocator,
    OrderMismatch,
    SleepInAtomic,
    UnlockedExit,
}

internal static class Defects
{
    internal static readonly Defect[] All = Enum.GetValues<Defect>();

    /// <summary>The rules that may speak of a defect. Any of them counts as a find.</summary>
    internal static bool Speaks(string rule, Defect defect) => defect switch
    {
        Defect.Leak => rule is "KA4001" or "KA4003" or "KA4004" or "KA4011" or "KA6006",
        Defect.DoubleFree => rule is "KA4005" or "KA6001",
        Defect.UseAfterFree => rule is "KA4006" or "KA6002",
        Defect.WrongDeallocator => rule is "KA4007" or "KA4008" or "KA4009" or "KA6003",
        Defect.OrderMismatch => rule is "KA3001",
        Defect.SleepInAtomic => rule is "KA1001" or "KA1002" or "KA1003" or "KA1004" or "KA1005",
        _ => rule is "KA1006" or "KA1007" or "KA1008",
    };

    internal static Defect? KindOf(string rule)
    {
        foreach (Defect defect in All)
            if (Speaks(rule, defect)) return defect;
        return null;
    }

    /// <summary>
    /// What may follow from a defect in the same run: a lock that was not left makes later code atomic, a wrong deallocator may be one that sleeps,
    /// and who reads on in freed memory finds no way to the rest.
    /// </summary>
    internal static bool MayFollow(Defect consequence, Defect cause) => consequence switch
    {
        Defect.SleepInAtomic => cause is Defect.UnlockedExit or Defect.WrongDeallocator,
        Defect.Leak => cause is Defect.UseAfterFree,
        _ => false,
    };
}
