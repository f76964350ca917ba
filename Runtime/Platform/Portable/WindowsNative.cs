// The calls that the portable backing needs on Windows.

using System.Runtime.InteropServices;

namespace KAlloc;

internal static unsafe partial class WindowsNative
{
    internal const uint MemCommit = 0x1000;
    internal const uint MemReserve = 0x2000;
    internal const uint MemDecommit = 0x4000;
    internal const uint MemRelease = 0x8000;
    internal const uint PageNoAccess = 0x01;
    internal const uint PageReadWrite = 0x04;

    [LibraryImport("kernel32", SetLastError = true)]
    internal static partial byte* VirtualAlloc(byte* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    internal static partial int VirtualFree(byte* address, nuint size, uint type);

    [LibraryImport("kernel32", SetLastError = true)]
    internal static partial int VirtualProtect(byte* address, nuint size, uint protection, uint* old);

    [LibraryImport("kernel32")]
    internal static partial uint DiscardVirtualMemory(byte* address, nuint size);
}
