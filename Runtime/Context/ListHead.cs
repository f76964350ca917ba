// The kernel's list: a ring of links that live inside the objects they link.
//
//   head ⇄ object.link ⇄ object.link ⇄ head          empty: head ⇄ head
//
// Invariant: x->next->prev == x for every link of a ring; list_add and list_del check it before they write, as a kernel with DEBUG_LIST does, and a
// removed link holds two addresses that no object has. Cost: the checks are two compares. Kernel concept: include/linux/list.h, lib/list_debug.c.

namespace KAlloc;

/// <summary>A link of a ring, or its head: the kernel's <c>list_head</c>.</summary>
public unsafe struct ListHead
{
    /// <summary>The next link, in a list of one the head itself.</summary>
    public ListHead* next;

    /// <summary>The previous link.</summary>
    public ListHead* prev;

    internal const nuint Poison1 = 0x100;
    internal const nuint Poison2 = 0x122;

    internal static void Insert(ListHead* entry, ListHead* before, ListHead* after)
    {
        if (!CanInsert(entry, before, after)) return;
        after->prev = entry;
        entry->next = after;
        entry->prev = before;
        before->next = entry;
    }

    internal static void Remove(ListHead* entry)
    {
        if (!CanRemove(entry)) return;
        entry->next->prev = entry->prev;
        entry->prev->next = entry->next;
        entry->next = (ListHead*)Poison1;
        entry->prev = (ListHead*)Poison2;
    }

    private static bool CanInsert(ListHead* entry, ListHead* before, ListHead* after)
    {
        string? error =
            before == null || after == null ? "list_add corruption: the list was never initialised, call INIT_LIST_HEAD first" :
            after->prev != before ? $"list_add corruption. next->prev should be prev ({(nuint)before:x}), but was {(nuint)after->prev:x}. (next={(nuint)after:x})." :
            before->next != after ? $"list_add corruption. prev->next should be next ({(nuint)after:x}), but was {(nuint)before->next:x}. (prev={(nuint)before:x})." :
            entry == before || entry == after ? $"list_add double add: new={(nuint)entry:x}, prev={(nuint)before:x}, next={(nuint)after:x}." :
            null;
        if (error is not null) KernelReports.Bug(error, (nuint)entry);
        return error is null;
    }

    private static bool CanRemove(ListHead* entry)
    {
        string? error =
            entry->next == null || entry->prev == null ? $"list_del corruption, {(nuint)entry:x}->next is NULL" :
            (nuint)entry->next == Poison1 ? $"list_del corruption, {(nuint)entry:x}->next is LIST_POISON1 ({Poison1:x})" :
            (nuint)entry->prev == Poison2 ? $"list_del corruption, {(nuint)entry:x}->prev is LIST_POISON2 ({Poison2:x})" :
            entry->prev->next != entry ? $"list_del corruption. prev->next should be {(nuint)entry:x}, but was {(nuint)entry->prev->next:x}. (prev={(nuint)entry->prev:x})" :
            entry->next->prev != entry ? $"list_del corruption. next->prev should be {(nuint)entry:x}, but was {(nuint)entry->next->prev:x}. (next={(nuint)entry->next:x})" :
            null;
        if (error is not null) KernelReports.Bug(error, (nuint)entry);
        return error is null;
    }
}

/// <summary>The objects of a list, for <c>foreach</c>.</summary>
/// <typeparam name="T">The objects' type.</typeparam>
public readonly unsafe ref struct ListEntries<T> where T : unmanaged
{
    private readonly ListHead* _head;
    private readonly nuint _offset;

    internal ListEntries(ListHead* head, nuint offset)
    {
        _head = head;
        _offset = offset;
    }

    /// <summary>Starts at the first object.</summary>
    public Enumerator GetEnumerator() => new(_head, _offset);

    /// <summary>Walks the list. The object at hand may be removed and freed: the next one is fetched before it is handed out.</summary>
    public ref struct Enumerator
    {
        private readonly ListHead* _head;
        private readonly nuint _offset;
        private ListHead* _next;

        internal Enumerator(ListHead* head, nuint offset)
        {
            _head = head;
            _offset = offset;
            _next = head->next;
        }

        /// <summary>The object at hand.</summary>
        public T* Current { get; private set; }

        /// <summary>Goes to the next object.</summary>
        public bool MoveNext()
        {
            if (_next == _head || _next == null) return false;
            Current = (T*)((byte*)_next - _offset);
            _next = _next->next;
            return true;
        }
    }
}
