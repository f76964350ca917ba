// The kernel face: copying and comparing memory, and copying from and to a user.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>copy_from_user(to, from, n)</c>: copies from a user's buffer. May sleep: in the kernel the user's page may have to be read in.</summary>
    /// <param name="to">Kernel memory.</param>
    /// <param name="from">The user's buffer: any native memory but KAlloc's. Null and kernel addresses are refused.</param>
    /// <param name="n">Bytes.</param>
    /// <returns>Bytes that were not copied: 0, or <paramref name="n"/> if the user's address is bad.</returns>
    [MightSleep]
    public static nuint copy_from_user([Borrows] void* to, [Borrows] void* from, size_t n)
    {
        MightSleep.Check();
        if (!UserMemory.IsUser(from, n)) return n;
        MemoryBytes.Copy(to, from, n);
        return 0;
    }

    /// <summary><c>copy_to_user(to, from, n)</c>: copies into a user's buffer. May sleep.</summary>
    /// <param name="to">The user's buffer: any native memory but KAlloc's. Null and kernel addresses are refused.</param>
    /// <param name="from">Kernel memory.</param>
    /// <param name="n">Bytes.</param>
    /// <returns>Bytes that were not copied: 0, or <paramref name="n"/> if the user's address is bad.</returns>
    [MightSleep]
    public static nuint copy_to_user([Borrows] void* to, [Borrows] void* from, size_t n)
    {
        MightSleep.Check();
        if (!UserMemory.IsUser(to, n)) return n;
        MemoryBytes.Copy(to, from, n);
        return 0;
    }

    /// <summary><c>get_user(x, ptr)</c>: reads one value of a user's. May sleep.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="value">Receives it; 0 if the address is bad.</param>
    /// <param name="from">The user's address.</param>
    /// <returns>0 or -EFAULT.</returns>
    [MightSleep]
    public static int get_user<T>(out T value, [Borrows] T* from) where T : unmanaged
    {
        MightSleep.Check();
        value = default;
        if (!UserMemory.IsUser(from, (nuint)sizeof(T))) return -ErrorNumbers.EFAULT;
        value = Unsafe.ReadUnaligned<T>(from);
        return 0;
    }

    /// <summary><c>put_user(x, ptr)</c>: writes one value to a user's address. May sleep.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="to">The user's address.</param>
    /// <returns>0 or -EFAULT.</returns>
    [MightSleep]
    public static int put_user<T>(T value, [Borrows] T* to) where T : unmanaged
    {
        MightSleep.Check();
        if (!UserMemory.IsUser(to, (nuint)sizeof(T))) return -ErrorNumbers.EFAULT;
        Unsafe.WriteUnaligned(to, value);
        return 0;
    }

    /// <summary><c>memcpy(to, from, n)</c>: the ranges must not overlap. Any context.</summary>
    /// <param name="to">The target.</param>
    /// <param name="from">The source.</param>
    /// <param name="n">Bytes; a negative number is a BUG and copies nothing.</param>
    /// <returns><paramref name="to"/>.</returns>
    [return: ViewOf(nameof(to))]
    public static void* memcpy([Borrows] void* to, [Borrows] void* from, size_t n)
    {
        MemoryBytes.Copy(to, from, n);
        return to;
    }

    /// <summary><c>memmove(to, from, n)</c>: the ranges may overlap. Any context.</summary>
    /// <param name="to">The target.</param>
    /// <param name="from">The source.</param>
    /// <param name="n">Bytes; a negative number is a BUG and copies nothing.</param>
    /// <returns><paramref name="to"/>.</returns>
    [return: ViewOf(nameof(to))]
    public static void* memmove([Borrows] void* to, [Borrows] void* from, size_t n)
    {
        MemoryBytes.Copy(to, from, n);
        return to;
    }

    /// <summary><c>memset(p, c, n)</c>. Any context.</summary>
    /// <param name="p">The memory.</param>
    /// <param name="c">The value; its low byte is used.</param>
    /// <param name="n">Bytes; a negative number is a BUG and writes nothing.</param>
    /// <returns><paramref name="p"/>.</returns>
    [return: ViewOf(nameof(p))]
    public static void* memset([Borrows] void* p, int c, size_t n)
    {
        MemoryBytes.Fill(p, (byte)c, n);
        return p;
    }

    /// <summary><c>memzero_explicit(p, n)</c>: clears a secret; never left out by a compiler. Any context.</summary>
    /// <param name="p">The memory.</param>
    /// <param name="n">Bytes.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    public static void memzero_explicit([Borrows] void* p, size_t n) => MemoryBytes.Fill(p, 0, n);

    /// <summary><c>memcmp(a, b, n)</c>. Any context.</summary>
    /// <param name="a">One range.</param>
    /// <param name="b">The other.</param>
    /// <param name="n">Bytes.</param>
    /// <returns>0 if equal, else the sign of the first difference.</returns>
    public static int memcmp([Borrows] void* a, [Borrows] void* b, size_t n) => MemoryBytes.Compare((byte*)a, (byte*)b, n);

    /// <summary><c>strlen(s)</c>: bytes before the terminating 0. Any context.</summary>
    /// <param name="s">The string.</param>
    public static nuint strlen([Borrows] byte* s) => MemoryBytes.Length(s, nuint.MaxValue);

    /// <summary><c>strnlen(s, max)</c>: as <see cref="strlen"/>, at most so many. Any context.</summary>
    /// <param name="s">The string.</param>
    /// <param name="max">The most bytes to look at.</param>
    public static nuint strnlen([Borrows] byte* s, size_t max) => MemoryBytes.Length(s, max);

    /// <summary><c>strscpy(to, from, size)</c>: copies what fits, always with a terminating 0. Any context.</summary>
    /// <param name="to">The target.</param>
    /// <param name="from">The string.</param>
    /// <param name="size">Room in the target, the 0 included.</param>
    /// <returns>Bytes copied without the 0, or -E2BIG if the string was cut.</returns>
    public static nint strscpy([Borrows] byte* to, [Borrows] byte* from, size_t size)
    {
        nuint room = size;
        if (room == 0 || room > (nuint)nint.MaxValue) return -ErrorNumbers.E2BIG;
        nuint length = MemoryBytes.Length(from, room);
        bool cut = length == room;
        if (cut) length--;
        MemoryBytes.Copy(to, from, length);
        to[length] = 0;
        return cut ? -ErrorNumbers.E2BIG : (nint)length;
    }
}
