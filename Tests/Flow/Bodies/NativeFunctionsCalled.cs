// Native functions: most may keep or free a pointer that they get. Some are known to do neither, by name and library.

unsafe class Bodies
{
    [DllImport("advapi32.dll", SetLastError = true)]
    private static extern bool GetTokenInformation(nint token, int kind, nint buffer, uint length, out uint needed);

    [DllImport("advapi32.dll", EntryPoint = "LookupPrivilegeNameW", CharSet = CharSet.Unicode)]
    private static extern bool NameOf(string? system, nint luid, char* name, ref int length);

    [DllImport("own.dll", EntryPoint = "GetTokenInformation")]
    private static extern bool OfAnotherLibrary(nint token, int kind, nint buffer, uint length, out uint needed);

    [DllImport("kernel32")]
    private static extern bool DeviceIoControl(nint device, uint code, nint given, int givenSize, nint got, int gotSize, out int length, nint overlapped);

    [DllImport("advapi32")]
    private static extern bool SetSecurityDescriptorDacl(nint descriptor, bool isPresent, nint list, bool isDefaulted);

    [DllImport("libc")]
    private static extern int uname(nint buffer);

    [DllImport("kernel32")]
    private static extern nint LocalFree(nint memory);

    static bool NeverFreed(nint token)
    {
        nint buffer = Marshal.AllocHGlobal(4);
        GetTokenInformation(token, 18, buffer, 4, out uint _);
        return Marshal.ReadInt32(buffer) == 2; // expect: KA4001
    }

    static string? NotFreedIfItFails(nint token)
    {
        GetTokenInformation(token, 1, 0, 0, out uint needed);
        nint buffer = Marshal.AllocHGlobal((int)needed);
        if (!GetTokenInformation(token, 1, buffer, needed, out needed)) return null; // expect: KA4001
        string text = Marshal.ReadInt32(buffer).ToString();
        Marshal.FreeHGlobal(buffer);
        return text;
    }

    static string? Freed(nint token)
    {
        GetTokenInformation(token, 1, 0, 0, out uint needed);
        nint buffer = Marshal.AllocHGlobal((int)needed);
        try
        {
            return GetTokenInformation(token, 1, buffer, needed, out needed) ? Marshal.ReadInt32(buffer).ToString() : null;
        }
        finally
        {
            Marshal.FreeHGlobal(buffer);
        }
    }

    static void UnderAnotherName(nint luid)
    {
        int length = 64;
        char* name = (char*)NativeMemory.Alloc(128);
        NameOf(null, luid, name, ref length);
    } // expect: KA4001

    static void AnotherLibraryMayKeepIt(nint token)
    {
        nint buffer = Marshal.AllocHGlobal(4);
        OfAnotherLibrary(token, 18, buffer, 4, out uint _);
    }

    static void WhatKeepsIt(nint descriptor)
    {
        nint list = Marshal.AllocHGlobal(64);
        SetSecurityDescriptorDacl(descriptor, true, list, false);
    }

    static bool WaitsUntilItIsDone(nint device)
    {
        nint buffer = Marshal.AllocHGlobal(64);
        return DeviceIoControl(device, 7, 0, 0, buffer, 64, out int _, 0); // expect: KA4001
    }

    static bool GoesOnAfterwards(nint device, nint overlapped)
    {
        nint buffer = Marshal.AllocHGlobal(64);
        return DeviceIoControl(device, 7, 0, 0, buffer, 64, out int _, overlapped);
    }

    static void FreedByTheFunction(nint token)
    {
        nint buffer = Marshal.AllocHGlobal(4);
        GetTokenInformation(token, 18, buffer, 4, out uint _);
        LocalFree(buffer);
    }

    static void WhatLiesInTheBufferMayBeKept()
    {
        nint* buffer = (nint*)NativeMemory.Alloc(64);
        *buffer = (nint)NativeMemory.Alloc(8);
        uname((nint)buffer);
        NativeMemory.Free(buffer);
    }

    static void UsedAfterwards(nint token)
    {
        nint buffer = Marshal.AllocHGlobal(4);
        Marshal.FreeHGlobal(buffer);
        GetTokenInformation(token, 18, buffer, 4, out uint _); // expect: KA4006
    }

    static bool IsDarwin()
    {
        nint buffer = nint.Zero;
        try
        {
            buffer = Marshal.AllocHGlobal(8192);
            return uname(buffer) == 0 && Marshal.PtrToStringAnsi(buffer) == "Darwin";
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
        finally
        {
            if (buffer != nint.Zero) Marshal.FreeHGlobal(buffer);
        }
    }

    static int LostInTheCallee()
    {
        int* p = (int*)NativeMemory.Alloc(4);
        Console.ReadLine();
        return *p; // expect: KA4001
    }

    static int IsToldThereAlone() => LostInTheCallee();
}
