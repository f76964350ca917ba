// One question asked twice, in one form or in two: of the platform, of a text, of a count, of an object's class, of what may be null.

using System.Runtime.Intrinsics.X86;

unsafe class Bodies
{
    static void OfThePlatform()
    {
        nint p = OperatingSystem.IsWindows() ? Marshal.AllocCoTaskMem(64) : Marshal.AllocHGlobal(64);
        Console.WriteLine();
        if (OperatingSystem.IsWindows()) Marshal.FreeCoTaskMem(p);
        else Marshal.FreeHGlobal(p);
    }

    static void OfOtherPlatforms()
    {
        nint p = OperatingSystem.IsWindows() ? Marshal.AllocCoTaskMem(64) : Marshal.AllocHGlobal(64);
        if (OperatingSystem.IsLinux()) Marshal.FreeCoTaskMem(p); // expect: KA4007
        else Marshal.FreeHGlobal(p); // expect: KA4007
    }

    static nint MakeForPlatform()
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows)) return Marshal.AllocCoTaskMem(64);
        return Marshal.AllocHGlobal(64);
    }

    static void DropForPlatform(nint p)
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows)) Marshal.FreeCoTaskMem(p);
        else Marshal.FreeHGlobal(p);
    }

    static void OfThePlatformInTwoMethods()
    {
        nint p = MakeForPlatform();
        Console.WriteLine();
        DropForPlatform(p);
    }

    private interface IDropper
    {
        void Drop(nint p);
    }

    private sealed class Dropper : IDropper
    {
        public void Drop(nint p) => DropForPlatform(p);
    }

    private sealed class LoudDropper : IDropper
    {
        public void Drop(nint p)
        {
            Console.WriteLine();
            if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows)) Marshal.FreeCoTaskMem(p);
            else Marshal.FreeHGlobal(p);
        }
    }

    static void OfThePlatformByOneOfTwo(IDropper dropper)
    {
        nint p = MakeForPlatform();
        dropper.Drop(p);
    }

    static void OfThePlatformByOneOfTwoTwice(IDropper dropper)
    {
        nint p = OperatingSystem.IsLinux() ? 0 : Marshal.AllocHGlobal(64);
        if (p == 0) return;
        dropper.Drop(p); // expect: KA4007
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    static void OfTheProcessor()
    {
        void* p = Avx2.IsSupported ? NativeMemory.AlignedAlloc(64, 32) : NativeMemory.Alloc(64);
        Console.WriteLine();
        if (Avx2.IsSupported) NativeMemory.AlignedFree(p);
        else NativeMemory.Free(p);
    }

    static void OfText(string name)
    {
        nint p = string.IsNullOrEmpty(name) ? 0 : Marshal.StringToHGlobalAnsi(name);
        Console.WriteLine(name);
        if (!string.IsNullOrEmpty(name)) Marshal.FreeHGlobal(p);
        nint q = 0;
        if (name is { Length: > 0 }) q = Marshal.StringToHGlobalAnsi(name);
        if (!string.IsNullOrEmpty(name)) Marshal.FreeHGlobal(q);
    }

    static void OfTextTheOtherWay(string name)
    {
        nint p = string.IsNullOrEmpty(name) ? 0 : Marshal.StringToHGlobalAnsi(name);
        if (string.IsNullOrEmpty(name)) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfOptionalText(string name)
    {
        nint p = name?.Length > 3 ? Marshal.StringToHGlobalAnsi(name) : 0;
        if (name?.Length > 3) Marshal.FreeHGlobal(p);
    }

    static void OfCounts(byte[] data, List<int> all)
    {
        nint p = 0, q = 0;
        if (data is { Length: > 4 }) p = Marshal.AllocHGlobal(3);
        if (data.Length > 4) Marshal.FreeHGlobal(p);
        if (all is { Count: > 0 }) q = Marshal.AllocHGlobal(3);
        if (all.Count > 0) Marshal.FreeHGlobal(q);
    }

    static void OfOtherCounts(byte[] data)
    {
        nint p = 0;
        if (data is { Length: > 4 }) p = Marshal.AllocHGlobal(3);
        if (data.Length > 5) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfClasses(object o)
    {
        nint p = o is string ? Marshal.AllocHGlobal(3) : 0;
        if (o is string text) Marshal.FreeHGlobal(p);
    }

    static void OfOtherClasses(object o)
    {
        nint p = o is Exception ? Marshal.AllocHGlobal(3) : 0;
        if (o is string text) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfOtherObjects(object o, object other)
    {
        nint p = o is string ? Marshal.AllocHGlobal(3) : 0;
        if (other is string) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfIdentity(object o, object other)
    {
        nint p = ReferenceEquals(o, other) ? Marshal.AllocHGlobal(3) : 0;
        if (o == other) Marshal.FreeHGlobal(p);
    }

    static void OfNullables(int? n)
    {
        nint p = n > 3 ? Marshal.AllocHGlobal(3) : 0;
        if (n is > 3) Marshal.FreeHGlobal(p);
        nint q = n == 3 ? Marshal.AllocHGlobal(3) : 0;
        if (n is 3) Marshal.FreeHGlobal(q);
        nint r = n != 3 ? Marshal.AllocHGlobal(3) : 0;
        if (n == 3) return;
        Marshal.FreeHGlobal(r);
    }

    static void OfNullablesWithoutNull(int? n)
    {
        nint p = n > 3 ? 0 : Marshal.AllocHGlobal(3);
        if (n <= 3) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfBooleans(bool a, bool b)
    {
        nint p = a ^ b ? Marshal.AllocHGlobal(3) : 0;
        if (a != b) Marshal.FreeHGlobal(p);
    }

    static void OfPointers(int n)
    {
        nint p = n > 0 ? Marshal.AllocHGlobal(3) : IntPtr.Zero;
        if (!p.Equals(IntPtr.Zero)) Marshal.FreeHGlobal(p);
    }

    static void OfTwoPointers(int n)
    {
        nint p = n > 0 ? Marshal.AllocHGlobal(3) : IntPtr.Zero;
        if (p.ToInt64() != 0) Marshal.FreeHGlobal(p);
        nint q = n > 3 ? Marshal.AllocHGlobal(3) : IntPtr.Zero;
        if (q != 0) Marshal.FreeHGlobal(q);
    }

    static void OfPointersTheOtherWay(int n)
    {
        nint p = n > 0 ? Marshal.AllocHGlobal(3) : IntPtr.Zero;
        if (p.Equals(IntPtr.Zero)) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfOneText(string kind)
    {
        nint p = kind switch { "heap" => Marshal.AllocHGlobal(3), "task" => Marshal.AllocCoTaskMem(3), _ => 0 };
        Console.WriteLine(kind);
        switch (kind)
        {
            case "heap": Marshal.FreeHGlobal(p); break;
            case "task": Marshal.FreeCoTaskMem(p); break;
        }
    }

    static void OfOneTextInFourForms(string kind)
    {
        nint p = kind == "heap" ? Marshal.AllocHGlobal(3) : 0;
        if (kind is "heap") Marshal.FreeHGlobal(p);
        nint q = kind.Equals("task") ? Marshal.AllocHGlobal(3) : 0;
        if (string.Equals("task", kind)) Marshal.FreeHGlobal(q);
    }

    static void OfTwoTexts(string kind)
    {
        nint p = kind == "heap" ? Marshal.AllocHGlobal(3) : 0;
        if (kind == "task") Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfPartsOfText(string kind, string other)
    {
        nint p = kind.StartsWith("heap") ? Marshal.AllocHGlobal(3) : 0;
        if (kind.StartsWith("heap")) Marshal.FreeHGlobal(p);
        nint q = string.IsNullOrWhiteSpace(kind) ? 0 : Marshal.AllocHGlobal(3);
        if (!string.IsNullOrWhiteSpace(kind)) Marshal.FreeHGlobal(q);
        nint r = kind.Contains(other, StringComparison.Ordinal) ? Marshal.AllocHGlobal(3) : 0;
        if (kind.Contains(other, StringComparison.Ordinal)) Marshal.FreeHGlobal(r);
    }

    static void OfOtherPartsOfText(string kind, string other)
    {
        nint p = kind.StartsWith("heap") ? Marshal.AllocHGlobal(3) : 0;
        if (kind.StartsWith("task")) Marshal.FreeHGlobal(p);
        kind = other;
        nint q = kind.StartsWith("heap") ? Marshal.AllocHGlobal(3) : 0;
        kind += other;
        if (kind.StartsWith("heap")) Marshal.FreeHGlobal(q);
    } // expect: KA4001, KA4001

    static void OfFractions(double share)
    {
        nint p = share > 0.5 ? Marshal.AllocHGlobal(3) : 0;
        if (share > 0.5) Marshal.FreeHGlobal(p);
    }

    static void OfOtherFractions(double share)
    {
        nint p = share > 0.5 ? Marshal.AllocHGlobal(3) : 0;
        share *= 0.5;
        if (share > 0.5) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfTheEmptyText(string name)
    {
        nint p = name == "" ? 0 : Marshal.StringToHGlobalAnsi(name);
        if (name.Length > 0) Marshal.FreeHGlobal(p);
        nint q = name != string.Empty ? Marshal.StringToHGlobalAnsi(name) : 0;
        if (name is not null and not "") Marshal.FreeHGlobal(q);
    }

    static void OfAlmostEmptyText(string name)
    {
        nint p = name == "" ? 0 : Marshal.StringToHGlobalAnsi(name);
        if (name.Length > 1) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfBoxes(object o)
    {
        nint p = o is int n && n > 0 ? Marshal.AllocHGlobal(n) : 0;
        if (o is int m && m > 0) Marshal.FreeHGlobal(p);
    }

    static void OfOtherBoxes(object o)
    {
        nint p = o is int n && n > 0 ? Marshal.AllocHGlobal(n) : 0;
        if (o is int m && m > 1) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfLists(int[] all, List<int> more, string text)
    {
        nint p = all is [1, ..] ? Marshal.AllocHGlobal(3) : 0;
        if (all.Length > 0 && all[0] == 1) Marshal.FreeHGlobal(p);
        nint q = System.Linq.Enumerable.Any(more) ? Marshal.AllocHGlobal(3) : 0;
        if (more.Count != 0) Marshal.FreeHGlobal(q);
        nint r = text is [] ? 0 : Marshal.AllocHGlobal(3);
        if (text.Length > 0) Marshal.FreeHGlobal(r);
    }

    static void OfOtherLists(int[] all)
    {
        nint p = all is [_, 1, ..] ? Marshal.AllocHGlobal(3) : 0;
        if (all.Length > 1 && all[0] == 1) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    static void OfParts(Exception error)
    {
        nint p = error is { InnerException: not null } ? Marshal.AllocHGlobal(3) : 0;
        if (error.InnerException != null) Marshal.FreeHGlobal(p);
    }

    private static bool IsLarge(int n) => int.PopCount(n) > 3;

    private static nint MakeIfLarge(int n) => IsLarge(n) ? Marshal.AllocHGlobal(3) : 0;

    static void OfNumbersInTwoMethods(int n)
    {
        nint p = MakeIfLarge(n);
        if (int.PopCount(n) > 3) Marshal.FreeHGlobal(p);
    }

    static void OfTwoNumbersInTwoMethods(int n, int m)
    {
        nint p = MakeIfLarge(n);
        if (IsLarge(m)) Marshal.FreeHGlobal(p);
    } // expect: KA4001

    private static nint MakeForKind(object kind) => kind is string ? Marshal.AllocHGlobal(3) : 0;

    static void OfClassesInTwoMethods(object kind)
    {
        nint p = MakeForKind(kind);
        if (kind is string) Marshal.FreeHGlobal(p);
        nint q = MakeForKind("x");
        Marshal.FreeHGlobal(q);
        MakeForKind(new Exception());
    }

    static void OfPlacesInText(string text, string other, List<int> all)
    {
        nint p = text.IndexOf('x') >= 0 ? Marshal.AllocHGlobal(3) : 0;
        if (text.IndexOf('x') >= 0) Marshal.FreeHGlobal(p);
        nint q = text[0] == 'x' ? Marshal.AllocHGlobal(3) : 0;
        Console.WriteLine();
        if (text[0] == 'x') Marshal.FreeHGlobal(q);
        nint r = string.CompareOrdinal(text, other) < 0 ? Marshal.AllocHGlobal(3) : 0;
        if (string.CompareOrdinal(text, other) < 0) Marshal.FreeHGlobal(r);
        nint s = System.Linq.Enumerable.Count(all) > 0 ? Marshal.AllocHGlobal(3) : 0;
        if (all.Count > 0) Marshal.FreeHGlobal(s);
    }

    static void OfOtherPlacesInText(string text, string other)
    {
        nint p = text[0] == 'x' ? Marshal.AllocHGlobal(3) : 0;
        if (text[1] == 'x') Marshal.FreeHGlobal(p);
        nint q = string.CompareOrdinal(text, other) < 0 ? Marshal.AllocHGlobal(3) : 0;
        if (string.CompareOrdinal(other, text) < 0) Marshal.FreeHGlobal(q);
    } // expect: KA4001, KA4001

    static void OfClassByType(object o)
    {
        nint p = o.GetType() == typeof(int) ? Marshal.AllocHGlobal(3) : 0;
        if (o.GetType() == typeof(int)) Marshal.FreeHGlobal(p);
    }

    static void OfFractionsTheOtherWay(double a, double b, decimal c)
    {
        nint p = a < b ? Marshal.AllocHGlobal(3) : 0;
        if (b > a) Marshal.FreeHGlobal(p);
        nint q = a != 0 ? Marshal.AllocHGlobal(3) : 0;
        nint r = c >= 1m ? Marshal.AllocHGlobal(3) : 0;
        if (c >= 1m) Marshal.FreeHGlobal(r);
        if (a == 0) return;
        Marshal.FreeHGlobal(q);
    }

    // Neither is so of what is no number.
    static void OfWhatIsNoNumber(double a)
    {
        nint p = a < 1 ? 0 : Marshal.AllocHGlobal(3);
        if (a >= 1) Marshal.FreeHGlobal(p);
    } // expect: KA4001
}
