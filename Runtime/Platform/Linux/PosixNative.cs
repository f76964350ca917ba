// The system calls of Linux and the other Unix systems, blittable, without a native binary of our own. Nothing else in the runtime imports from
// libc. Only the constants differ between systems; the memfd calls exist on Linux alone.

using System.Runtime.InteropServices;

namespace KAlloc;

internal static unsafe partial class PosixNative
{
    internal const int ProtNone = 0;
    internal const int ProtReadWrite = 1 | 2;

    internal const int MapShared = 1;
    internal const int MapPrivate = 2;
    internal const int MapFixed = 0x10;
    internal const int MapPopulate = 0x8000;

    /// <summary>Linux 4.17: fail with EEXIST rather than replace a mapping. Older kernels take it as a hint.</summary>
    internal const int MapFixedNoReplace = 0x100000;

    internal static readonly int MapAnonymous = OperatingSystem.IsLinux() ? 0x20 : 0x1000;
    internal static readonly int MapNoReserve = OperatingSystem.IsLinux() ? 0x4000 : OperatingSystem.IsMacOS() ? 0x40 : 0;

    internal const int MadvDontFork = 10;
    internal const int MadvNoHugePage = 15;
    internal const int MadvPopulateRead = 22;
    internal const int MadvPopulateWrite = 23;
    internal const int MadvCollapse = 25;

    internal const int MadvDontNeed = 4;

    internal const int EfdNonBlock = 0x800;
    internal const int EfdCloexec = 0x80000;
    internal const short PollIn = 1;

    internal const int FallocKeepSize = 1;
    internal const int FallocPunchHole = 2;

    internal const uint MfdCloexec = 1;

    internal static readonly byte* MapFailed = (byte*)(nint)(-1);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial byte* Mmap(byte* address, nuint length, int protection, int flags, int fd, long offset);

    /// <summary>
    /// The same where nobody asks why it failed. Keeping errno takes two calls more into another library, and where a system call flushes the TLB
    /// (page table isolation) every page that is touched between two of them costs a walk.
    /// </summary>
    [LibraryImport("libc", EntryPoint = "mmap")]
    internal static partial byte* MapOver(byte* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Munmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    internal static partial int Mprotect(byte* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    internal static partial int Madvise(byte* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true)]
    internal static partial int MemfdCreate(byte* name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    internal static partial int Ftruncate(int fd, long length);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Fallocate(int fd, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    internal static partial int Eventfd(uint count, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    internal static partial nint Write(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "read")]
    internal static partial nint Read(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "poll")]
    internal static partial int Poll(PollFd* files, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int fd);

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFd
    {
        internal int Fd;
        internal short Events;
        internal short Returned;
    }
}
