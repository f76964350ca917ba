// NativeMemory and Marshal as programs see them when they run. The process's heap has no checks and does not survive misuse: only right calls
// reach it.

#pragma warning disable CS1591 // The real classes have the documentation.

using System.Runtime.InteropServices;
using Native = System.Runtime.InteropServices.NativeMemory;
using RealMarshal = System.Runtime.InteropServices.Marshal;

namespace KAlloc.Differential.Tests.Oracle;

public static unsafe class ShadowNativeMemory
{
    private static readonly string[] s_plain = ["NativeMemory"], s_aligned = ["AlignedAlloc"];

    public static void* Alloc(nuint bytes) => (void*)Shadow.Allocate("NativeMemory", bytes, () => (nuint)Native.Alloc(bytes), p => Native.Free((void*)p), mayFail: false, native: true);

    public static void* AllocZeroed(nuint count, nuint size) =>
        (void*)Shadow.Allocate("NativeMemory", count * size, () => (nuint)Native.AllocZeroed(count, size), p => Native.Free((void*)p), mayFail: false, native: true);

    public static void Free(void* p) => Shadow.Free((nuint)p, s_plain, () => Native.Free(p), native: true);

    public static void* AlignedAlloc(nuint bytes, nuint alignment) =>
        (void*)Shadow.Allocate("AlignedAlloc", bytes, () => (nuint)Native.AlignedAlloc(bytes, alignment), p => Native.AlignedFree((void*)p), mayFail: false, native: true);

    public static void AlignedFree(void* p) => Shadow.Free((nuint)p, s_aligned, () => Native.AlignedFree(p), native: true);
}

public static unsafe class ShadowMarshal
{
    private static readonly string[] s_global = ["HGlobal"], s_task = ["CoTaskMem"];

    public static nint AllocHGlobal(int bytes) =>
        (nint)Shadow.Allocate("HGlobal", (nuint)bytes, () => (nuint)RealMarshal.AllocHGlobal(bytes), p => RealMarshal.FreeHGlobal((nint)p), mayFail: false, native: true);

    public static void FreeHGlobal(nint p) => Shadow.Free((nuint)p, s_global, () => RealMarshal.FreeHGlobal(p), native: true);

    public static nint AllocCoTaskMem(int bytes) =>
        (nint)Shadow.Allocate("CoTaskMem", (nuint)bytes, () => (nuint)RealMarshal.AllocCoTaskMem(bytes), p => RealMarshal.FreeCoTaskMem((nint)p), mayFail: false, native: true);

    public static void FreeCoTaskMem(nint p) => Shadow.Free((nuint)p, s_task, () => RealMarshal.FreeCoTaskMem(p), native: true);

    public static void WriteByte(nint p, byte value) => *(byte*)Shadow.Use((void*)p) = value;

    public static byte ReadByte(nint p) => *(byte*)Shadow.Use((void*)p);
}
