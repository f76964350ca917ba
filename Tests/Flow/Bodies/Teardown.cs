// Lists that are taken down: linked with and without a way back, the head in a field, a static, a struct, a sentinel. Each turn frees another entry;
// what a shape of the list would have to be for that to go wrong is nothing that a path decides.

unsafe struct Entry { public Entry* next; public Entry* prev; public byte* data; public int key; }
unsafe struct List { public Entry* head; public Entry* tail; public int count; }
unsafe struct Link { public Link* next; public Link* prev; }
unsafe struct Item { public Link link; public byte* data; }

unsafe class Bodies
{
    static Entry* s_head;
    static Entry* s_tail;
    Entry* _head;
    Entry* _tail;
    List _list;

    static void Destroy(Entry* e)
    {
        kfree(e->data);
        kfree(e);
    }

    // Singly linked

    void UnlinkFirst(Entry* e)
    {
        if (_head == e)
        {
            _head = e->next;
            return;
        }

        for (Entry* p = _head; p != null; p = p->next)
            if (p->next == e)
            {
                p->next = e->next;
                return;
            }
    }

    void FieldSingly()
    {
        while (_head != null)
        {
            Entry* e = _head;
            UnlinkFirst(e);
            Destroy(e);
        }
    }

    void FieldPopped()
    {
        while (_head != null)
        {
            Entry* e = _head;
            _head = e->next;
            Destroy(e);
        }
    }

    static void UnlinkStatic(Entry* e)
    {
        if (s_head == e) s_head = e->next;
        else
        {
            Entry* p = s_head;
            while (p->next != e) p = p->next;
            p->next = e->next;
        }
    }

    static void StaticSingly()
    {
        while (s_head != null)
        {
            Entry* e = s_head;
            UnlinkStatic(e);
            Destroy(e);
        }
    }

    static void UnlinkBySlot(Entry** head, Entry* e)
    {
        Entry** at = head;
        while (*at != e) at = &(*at)->next;
        *at = e->next;
    }

    static void SlotSingly(Entry** head)
    {
        while (*head != null)
        {
            Entry* e = *head;
            UnlinkBySlot(head, e);
            Destroy(e);
        }
    }

    static void SlotOfLocal(Entry* head)
    {
        while (head != null)
        {
            Entry* e = head;
            UnlinkBySlot(&head, e);
            Destroy(e);
        }
    }

    // Doubly linked

    void Unlink(Entry* e)
    {
        if (e->prev != null) e->prev->next = e->next;
        else _head = e->next;
        if (e->next != null) e->next->prev = e->prev;
        else _tail = e->prev;
        e->next = e->prev = null;
    }

    void FieldDoubly()
    {
        while (_head != null)
        {
            Entry* e = _head;
            Unlink(e);
            Destroy(e);
        }
    }

    void FieldDoublyFromTheEnd()
    {
        Entry* e;
        while ((e = _tail) != null)
        {
            Unlink(e);
            Destroy(e);
        }
    }

    void FieldDoublyInAFor()
    {
        for (Entry* e = _head, next; e != null; e = next)
        {
            next = e->next;
            Unlink(e);
            Destroy(e);
        }
    }

    void FieldDoublyLimited(int limit)
    {
        for (int i = 0; i < limit && _head != null; i++)
        {
            Entry* e = _head;
            Unlink(e);
            Destroy(e);
        }
    }

    void UnlinkSimply(Entry* e)
    {
        if (e == _head) _head = e->next;
        if (e == _tail) _tail = e->prev;
        if (e->prev != null) e->prev->next = e->next;
        if (e->next != null) e->next->prev = e->prev;
    }

    void FieldSimply()
    {
        while (_head != null)
        {
            Entry* e = _head;
            UnlinkSimply(e);
            Destroy(e);
        }
    }

    static void UnlinkStaticDoubly(Entry* e)
    {
        Entry* prev = e->prev, next = e->next;
        if (prev == null) s_head = next;
        else prev->next = next;
        if (next == null) s_tail = prev;
        else next->prev = prev;
    }

    static void StaticDoubly()
    {
        while (s_head != null)
        {
            Entry* e = s_head;
            UnlinkStaticDoubly(e);
            Destroy(e);
        }
    }

    static void UnlinkFrom(List* list, Entry* e)
    {
        if (e->prev != null) e->prev->next = e->next;
        else list->head = e->next;
        if (e->next != null) e->next->prev = e->prev;
        else list->tail = e->prev;
        list->count--;
    }

    static void StructDoubly(List* list)
    {
        while (list->head != null)
        {
            Entry* e = list->head;
            UnlinkFrom(list, e);
            Destroy(e);
        }
    }

    static void StructCounted(List* list)
    {
        while (list->count > 0)
        {
            Entry* e = list->tail;
            UnlinkFrom(list, e);
            Destroy(e);
        }
    }

    static void UnlinkFromRef(ref List list, Entry* e)
    {
        if (e->prev != null) e->prev->next = e->next;
        else list.head = e->next;
        if (e->next != null) e->next->prev = e->prev;
        else list.tail = e->prev;
        list.count--;
    }

    void StructInAField()
    {
        while (_list.head != null)
        {
            Entry* e = _list.head;
            UnlinkFromRef(ref _list, e);
            Destroy(e);
        }
    }

    static void StructOfARef(ref List list)
    {
        while (list.head != null)
        {
            Entry* e = list.head;
            UnlinkFromRef(ref list, e);
            Destroy(e);
        }
    }

    void Unlinked(out Entry* e)
    {
        e = _head;
        Unlink(e);
    }

    void FieldByOut()
    {
        while (_head != null)
        {
            Unlinked(out Entry* e);
            Destroy(e);
        }
    }

    Entry* Pop()
    {
        Entry* e = _head;
        if (e != null) Unlink(e);
        return e;
    }

    void FieldByPop()
    {
        while (Pop() is var e && e != null) Destroy(e);
    }

    void Release(Entry* e)
    {
        Unlink(e);
        Destroy(e);
    }

    void FieldByRelease()
    {
        while (_head != null) Release(_head);
    }

    void TwoReleased()
    {
        if (_head != null) Release(_head);
        if (_head != null) Release(_head);
    }

    void Matching(int key)
    {
        Entry* e = _head;
        while (e != null)
        {
            Entry* next = e->next;
            if (e->key == key) Release(e);
            e = next;
        }
    }

    // A sentinel, and links inside of the entries

    static void Delete(Link* link)
    {
        link->prev->next = link->next;
        link->next->prev = link->prev;
        link->next = link->prev = link;
    }

    static void Sentinel(Link* head)
    {
        while (head->next != head)
        {
            Link* link = head->next;
            Delete(link);
            Item* item = (Item*)link;
            kfree(item->data);
            kfree(item);
        }
    }

    static void SentinelKept(Link* head)
    {
        for (Link* link = head->next, next; link != head; link = next)
        {
            next = link->next;
            kfree(((Item*)link)->data);
            kfree(link);
        }

        head->next = head->prev = head;
    }

    // Mistakes

    void FreedBeforeUnlink()
    {
        Entry* e = _head;
        Destroy(e);
        Unlink(e); // expect: KA4006
    }

    void NextOfFreed()
    {
        for (Entry* e = _head; e != null; e = e->next) Destroy(e); // expect: KA4006
    }

    void HeadStays()
    {
        Entry* e = _head;
        Destroy(e);
        Destroy(_head); // expect: KA4005
    }

    void FreedTwice()
    {
        while (_head != null)
        {
            Entry* e = _head;
            _head = e->next;
            Destroy(e);
            Destroy(e); // expect: KA4005
        }
    }

    void DataFreedTwice()
    {
        while (_head != null)
        {
            Entry* e = _head;
            Unlink(e);
            kfree(e->data);
            Destroy(e); // expect: KA4005
        }
    }
}
