// The kernel face: lists, counters, pointers that carry an error, container_of. None of these sleeps; all may be called in any context.

using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>INIT_LIST_HEAD(list)</c>: an empty list.</summary>
    /// <param name="list">The head.</param>
    public static void INIT_LIST_HEAD([Borrows] list_head* list) => list->next = list->prev = list;

    /// <summary><c>list_add(entry, head)</c>: inserts at the front. A damaged list is a BUG and is left alone.</summary>
    /// <param name="entry">The link of the object to insert.</param>
    /// <param name="head">The list.</param>
    public static void list_add(list_head* entry, list_head* head) => ListHead.Insert(entry, head, head->next);

    /// <summary><c>list_add_tail(entry, head)</c>: inserts at the end. A damaged list is a BUG and is left alone.</summary>
    /// <param name="entry">The link of the object to insert.</param>
    /// <param name="head">The list.</param>
    public static void list_add_tail(list_head* entry, list_head* head) => ListHead.Insert(entry, head->prev, head);

    /// <summary><c>list_del(entry)</c>: removes from its list. A link that is in no list is a BUG.</summary>
    /// <param name="entry">The link of the object to remove.</param>
    public static void list_del([Borrows] list_head* entry) => ListHead.Remove(entry);

    /// <summary><c>list_empty(head)</c>.</summary>
    /// <param name="head">The list.</param>
    public static bool list_empty([Borrows] list_head* head) => head->next == head;

    /// <summary><c>list_first_entry(head, type, member)</c>: the first object. The list must not be empty.</summary>
    /// <typeparam name="T">The objects' type.</typeparam>
    /// <param name="head">The list.</param>
    /// <param name="offset">Where the link lies in the object: see <see cref="offset_of"/>.</param>
    public static T* list_first_entry<T>([Borrows] list_head* head, nuint offset) where T : unmanaged => (T*)((byte*)head->next - offset);

    /// <summary><c>list_for_each_entry</c>: the objects in order, for <c>foreach</c>. The object at hand may be removed.</summary>
    /// <typeparam name="T">The objects' type.</typeparam>
    /// <param name="head">The list.</param>
    /// <param name="offset">Where the link lies in the object: see <see cref="offset_of"/>.</param>
    public static ListEntries<T> list_for_each_entry<T>([Borrows] list_head* head, nuint offset) where T : unmanaged => new(head, offset);

    /// <summary><c>container_of(ptr, type, member)</c>: the object that a member belongs to.</summary>
    /// <typeparam name="T">The object's type.</typeparam>
    /// <param name="member">The member's address.</param>
    /// <param name="offset">Where the member lies in the object: see <see cref="offset_of"/>.</param>
    public static T* container_of<T>(void* member, nuint offset) where T : unmanaged => (T*)((byte*)member - offset);

    /// <summary><c>offsetof(type, member)</c>: where a field lies in a struct, in bytes. Slow the first time: keep it in a static readonly field.</summary>
    /// <typeparam name="T">The struct.</typeparam>
    /// <param name="field">The field's name.</param>
    /// <exception cref="ArgumentException">There is no such field.</exception>
    public static nuint offset_of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields)] T>(string field)
        where T : unmanaged => FieldOffsets.Of<T>(field);

    /// <summary><c>atomic_read(v)</c>.</summary>
    /// <param name="v">The counter.</param>
    public static int atomic_read([Borrows] ref atomic_t v) => Volatile.Read(ref v.counter);

    /// <summary><c>atomic_set(v, i)</c>.</summary>
    /// <param name="v">The counter.</param>
    /// <param name="i">The new value.</param>
    public static void atomic_set([Borrows] ref atomic_t v, int i) => Volatile.Write(ref v.counter, i);

    /// <summary><c>atomic_add(i, v)</c>. Wraps at the ends.</summary>
    /// <param name="i">The amount.</param>
    /// <param name="v">The counter.</param>
    public static void atomic_add(int i, [Borrows] ref atomic_t v) => Interlocked.Add(ref v.counter, i);

    /// <summary><c>atomic_add_return(i, v)</c>: adds and returns the new value.</summary>
    /// <param name="i">The amount.</param>
    /// <param name="v">The counter.</param>
    public static int atomic_add_return(int i, [Borrows] ref atomic_t v) => Interlocked.Add(ref v.counter, i);

    /// <summary><c>atomic_inc(v)</c>.</summary>
    /// <param name="v">The counter.</param>
    public static void atomic_inc([Borrows] ref atomic_t v) => Interlocked.Increment(ref v.counter);

    /// <summary><c>atomic_inc_return(v)</c>: adds 1 and returns the new value.</summary>
    /// <param name="v">The counter.</param>
    public static int atomic_inc_return([Borrows] ref atomic_t v) => Interlocked.Increment(ref v.counter);

    /// <summary><c>atomic_dec(v)</c>.</summary>
    /// <param name="v">The counter.</param>
    public static void atomic_dec([Borrows] ref atomic_t v) => Interlocked.Decrement(ref v.counter);

    /// <summary><c>atomic_dec_and_test(v)</c>: subtracts 1; whether it reached 0.</summary>
    /// <param name="v">The counter.</param>
    public static bool atomic_dec_and_test([Borrows] ref atomic_t v) => Interlocked.Decrement(ref v.counter) == 0;

    /// <summary><c>atomic_cmpxchg(v, old, new)</c>: sets the value if it is the expected one; returns what it was.</summary>
    /// <param name="v">The counter.</param>
    /// <param name="old">The expected value.</param>
    /// <param name="value">The new value.</param>
    public static int atomic_cmpxchg([Borrows] ref atomic_t v, int old, int value) => Interlocked.CompareExchange(ref v.counter, value, old);

    /// <summary><c>refcount_set(r, n)</c>.</summary>
    /// <param name="r">The count.</param>
    /// <param name="n">The number of references.</param>
    public static void refcount_set([Borrows] ref refcount_t r, int n) => Volatile.Write(ref r.Value, n);

    /// <summary><c>refcount_read(r)</c>.</summary>
    /// <param name="r">The count.</param>
    public static int refcount_read([Borrows] ref refcount_t r) => Volatile.Read(ref r.Value);

    /// <summary><c>refcount_inc(r)</c>: one more. From 0, or past the end, it is a WARN and the count saturates.</summary>
    /// <param name="r">The count.</param>
    public static void refcount_inc([Borrows] ref refcount_t r) => r.Increment();

    /// <summary><c>refcount_inc_not_zero(r)</c>: one more, unless the object is gone.</summary>
    /// <param name="r">The count.</param>
    /// <returns>Whether the caller has a reference now.</returns>
    public static bool refcount_inc_not_zero([Borrows] ref refcount_t r) => r.IncrementNotZero();

    /// <summary><c>refcount_dec_and_test(r)</c>: one less; whether it was the last. Below 0 it is a WARN and the count saturates.</summary>
    /// <param name="r">The count.</param>
    public static bool refcount_dec_and_test([Borrows] ref refcount_t r) => r.DecrementAndTest();

    /// <summary><c>kref_init(k)</c>: one reference, the caller's.</summary>
    /// <param name="k">The count.</param>
    public static void kref_init([Borrows] ref kref k) => Volatile.Write(ref k.Count.Value, 1);

    /// <summary><c>kref_read(k)</c>.</summary>
    /// <param name="k">The count.</param>
    public static int kref_read([Borrows] ref kref k) => Volatile.Read(ref k.Count.Value);

    /// <summary><c>kref_get(k)</c>: one more reference.</summary>
    /// <param name="k">The count.</param>
    public static void kref_get([Borrows] ref kref k) => k.Count.Increment();

    /// <summary><c>kref_put(k, release)</c>: one reference less; with the last one, calls <paramref name="release"/>.</summary>
    /// <param name="k">The count, in native or pinned memory.</param>
    /// <param name="release">Frees the object; finds it by <see cref="container_of"/>.</param>
    /// <returns>1 if the object was released, else 0.</returns>
    public static int kref_put(ref kref k, delegate*<kref*, void> release)
    {
        if (!k.Count.DecrementAndTest()) return 0;
        release((kref*)Unsafe.AsPointer(ref k));
        return 1;
    }

    /// <summary><c>ERR_PTR(error)</c>: an error number as a pointer.</summary>
    /// <param name="error">-4095 to -1.</param>
    public static void* ERR_PTR(nint error) => (void*)error;

    /// <summary><c>PTR_ERR(ptr)</c>: the error number of a pointer that is one.</summary>
    /// <param name="pointer">The pointer.</param>
    public static int PTR_ERR(void* pointer) => (int)(nint)pointer;

    /// <summary><c>IS_ERR(ptr)</c>: whether the pointer is an error number.</summary>
    /// <param name="pointer">The pointer.</param>
    public static bool IS_ERR([Borrows] void* pointer) => (nuint)pointer >= unchecked((nuint)(nint)(-4095));

    /// <summary><c>likely(x)</c>: for the reader; the JIT lays out branches by itself.</summary>
    /// <param name="condition">The condition.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool likely(bool condition) => condition;

    /// <summary><c>unlikely(x)</c>: for the reader; the JIT lays out branches by itself.</summary>
    /// <param name="condition">The condition.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool unlikely(bool condition) => condition;
}
