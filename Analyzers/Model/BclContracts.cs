// The BCL's own native memory as data. These methods carry no attributes, so this table plays their part.
//
// Families: "NativeMemory" (malloc), "NativeMemory.Aligned" (aligned_alloc, another heap on Windows), "HGlobal", "CoTaskMem", "BSTR",
// "GCHandle", "ArrayPool", "MemoryPool". HGlobal and CoTaskMem are both malloc on Unix and different heaps on Windows: code that mixes them works on the
// machine where it was written and corrupts the heap on the other.

namespace KAlloc.Analyzers.Model;

internal static class BclContracts
{
    internal static readonly ContractTable Table = ContractTable.Parse(
        """
        # System.Runtime.InteropServices.NativeMemory
        System.Runtime.InteropServices.NativeMemory.Alloc(byteCount): return allocates NativeMemory size=byteCount freed-by=NativeMemory.Free
        System.Runtime.InteropServices.NativeMemory.Alloc(elementCount, elementSize): return allocates NativeMemory size=elementSize count=elementCount freed-by=NativeMemory.Free
        System.Runtime.InteropServices.NativeMemory.AllocZeroed(byteCount): return allocates NativeMemory size=byteCount zeroed freed-by=NativeMemory.Free
        System.Runtime.InteropServices.NativeMemory.AllocZeroed(elementCount, elementSize): return allocates NativeMemory size=elementSize count=elementCount zeroed freed-by=NativeMemory.Free
        System.Runtime.InteropServices.NativeMemory.Realloc(ptr, byteCount): return reallocates NativeMemory pointer=ptr size=byteCount freed-by=NativeMemory.Free
        System.Runtime.InteropServices.NativeMemory.Free(ptr): ptr frees NativeMemory
        System.Runtime.InteropServices.NativeMemory.AlignedAlloc(byteCount, alignment): return allocates NativeMemory.Aligned size=byteCount freed-by=NativeMemory.AlignedFree
        System.Runtime.InteropServices.NativeMemory.AlignedRealloc(ptr, byteCount, alignment): return reallocates NativeMemory.Aligned pointer=ptr size=byteCount freed-by=NativeMemory.AlignedFree
        System.Runtime.InteropServices.NativeMemory.AlignedFree(ptr): ptr frees NativeMemory.Aligned
        System.Runtime.InteropServices.NativeMemory.Clear(ptr, byteCount): ptr borrows
        System.Runtime.InteropServices.NativeMemory.Fill(ptr, byteCount, value): ptr borrows
        System.Runtime.InteropServices.NativeMemory.Copy(source, destination, byteCount): source borrows; destination borrows

        # System.Runtime.InteropServices.Marshal: HGlobal
        System.Runtime.InteropServices.Marshal.AllocHGlobal(cb): return allocates HGlobal size=cb freed-by=Marshal.FreeHGlobal
        System.Runtime.InteropServices.Marshal.ReAllocHGlobal(pv, cb): return reallocates HGlobal pointer=pv size=cb freed-by=Marshal.FreeHGlobal
        System.Runtime.InteropServices.Marshal.StringToHGlobalAnsi(s): return allocates HGlobal may-be-null freed-by=Marshal.FreeHGlobal
        System.Runtime.InteropServices.Marshal.StringToHGlobalUni(s): return allocates HGlobal may-be-null freed-by=Marshal.FreeHGlobal
        System.Runtime.InteropServices.Marshal.StringToHGlobalAuto(s): return allocates HGlobal may-be-null freed-by=Marshal.FreeHGlobal
        System.Runtime.InteropServices.Marshal.SecureStringToGlobalAllocAnsi(s): return allocates HGlobal freed-by=Marshal.ZeroFreeGlobalAllocAnsi
        System.Runtime.InteropServices.Marshal.SecureStringToGlobalAllocUnicode(s): return allocates HGlobal freed-by=Marshal.ZeroFreeGlobalAllocUnicode
        System.Runtime.InteropServices.Marshal.FreeHGlobal(hglobal): hglobal frees HGlobal
        System.Runtime.InteropServices.Marshal.ZeroFreeGlobalAllocAnsi(s): s frees HGlobal
        System.Runtime.InteropServices.Marshal.ZeroFreeGlobalAllocUnicode(s): s frees HGlobal

        # System.Runtime.InteropServices.Marshal: CoTaskMem
        System.Runtime.InteropServices.Marshal.AllocCoTaskMem(cb): return allocates CoTaskMem size=cb freed-by=Marshal.FreeCoTaskMem
        System.Runtime.InteropServices.Marshal.ReAllocCoTaskMem(pv, cb): return reallocates CoTaskMem pointer=pv size=cb freed-by=Marshal.FreeCoTaskMem
        System.Runtime.InteropServices.Marshal.StringToCoTaskMemAnsi(s): return allocates CoTaskMem may-be-null freed-by=Marshal.FreeCoTaskMem
        System.Runtime.InteropServices.Marshal.StringToCoTaskMemUni(s): return allocates CoTaskMem may-be-null freed-by=Marshal.FreeCoTaskMem
        System.Runtime.InteropServices.Marshal.StringToCoTaskMemUTF8(s): return allocates CoTaskMem may-be-null freed-by=Marshal.FreeCoTaskMem
        System.Runtime.InteropServices.Marshal.StringToCoTaskMemAuto(s): return allocates CoTaskMem may-be-null freed-by=Marshal.FreeCoTaskMem
        System.Runtime.InteropServices.Marshal.SecureStringToCoTaskMemAnsi(s): return allocates CoTaskMem freed-by=Marshal.ZeroFreeCoTaskMemAnsi
        System.Runtime.InteropServices.Marshal.SecureStringToCoTaskMemUnicode(s): return allocates CoTaskMem freed-by=Marshal.ZeroFreeCoTaskMemUnicode
        System.Runtime.InteropServices.Marshal.FreeCoTaskMem(ptr): ptr frees CoTaskMem
        System.Runtime.InteropServices.Marshal.ZeroFreeCoTaskMemAnsi(s): s frees CoTaskMem
        System.Runtime.InteropServices.Marshal.ZeroFreeCoTaskMemUnicode(s): s frees CoTaskMem
        System.Runtime.InteropServices.Marshal.ZeroFreeCoTaskMemUTF8(s): s frees CoTaskMem

        # System.Runtime.InteropServices.Marshal: BSTR
        System.Runtime.InteropServices.Marshal.StringToBSTR(s): return allocates BSTR may-be-null freed-by=Marshal.FreeBSTR
        System.Runtime.InteropServices.Marshal.SecureStringToBSTR(s): return allocates BSTR freed-by=Marshal.ZeroFreeBSTR
        System.Runtime.InteropServices.Marshal.FreeBSTR(ptr): ptr frees BSTR
        System.Runtime.InteropServices.Marshal.ZeroFreeBSTR(s): s frees BSTR

        # System.Runtime.InteropServices.GCHandle
        System.Runtime.InteropServices.GCHandle.Alloc(value): return allocates GCHandle freed-by=GCHandle.Free
        System.Runtime.InteropServices.GCHandle.Alloc(value, type): return allocates GCHandle freed-by=GCHandle.Free
        System.Runtime.InteropServices.GCHandle.Free(): this frees GCHandle
        System.Runtime.InteropServices.GCHandle.IsAllocated(): return tells this
        System.Runtime.InteropServices.GCHandle.ToIntPtr(value): return views value family=GCHandle.Pointer
        System.Runtime.InteropServices.GCHandle.FromIntPtr(value): return views value family=GCHandle

        # System.Buffers.ArrayPool<T>: an array that is not returned is garbage, not a leak
        System.Buffers.ArrayPool`1.Rent(minimumLength): return allocates ArrayPool size=minimumLength cache=this collected freed-by=Return
        System.Buffers.ArrayPool`1.Return(array, clearArray): array frees ArrayPool cache=this

        # System.Buffers.MemoryPool<T>: an owner that is not disposed is garbage, unless the pool's own contract says that it is a leak
        System.Buffers.MemoryPool`1.Rent(minBufferSize): return allocates MemoryPool size=minBufferSize collected freed-by=Dispose
        System.Buffers.IMemoryOwner`1.Memory(): return views this

        System.Buffers.IBufferWriter`1.Advance(count): this borrows
        System.Buffers.IBufferWriter`1.GetMemory(sizeHint): return views this
        System.Buffers.IBufferWriter`1.GetSpan(sizeHint): return views this

        # Another name of Dispose
        System.Runtime.InteropServices.SafeHandle.Close(): this disposes
        """);
}
