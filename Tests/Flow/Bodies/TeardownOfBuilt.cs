// Doubly linked lists that a loop builds and another takes down: what is unlinked leaves no pointer behind.

unsafe struct Node { public Node* next, prev; public int key; }

unsafe struct Chain
{
    public Node* head, tail;
    public int count;

    public void Append(Node* x)
    {
        x->next = null;
        x->prev = tail;
        if (tail != null) tail->next = x;
        else head = x;
        tail = x;
        count++;
    }

    public void Remove(Node* x)
    {
        if (x->prev != null) x->prev->next = x->next;
        else head = x->next;
        if (x->next != null) x->next->prev = x->prev;
        else tail = x->prev;
        count--;
    }

    public Node* TakeFirst()
    {
        Node* x = head;
        if (x != null) Remove(x);
        return x;
    }
}

unsafe class Bodies
{
    static Node* Make(int key)
    {
        var x = (Node*)NativeMemory.AllocZeroed((nuint)sizeof(Node));
        x->key = key;
        return x;
    }

    static void Unlink(Node* x)
    {
        x->prev->next = x->next;
        x->next->prev = x->prev;
    }

    static void Link(Node* head, Node* x)
    {
        x->next = head->next;
        x->prev = head;
        head->next->prev = x;
        head->next = x;
    }

    static void RoundASentinel(int n)
    {
        Node head;
        head.next = head.prev = &head;
        for (int i = 0; i < n; i++) Link(&head, Make(i));
        while (head.next != &head)
        {
            Node* x = head.next;
            Unlink(x);
            NativeMemory.Free(x);
        }
    }

    static void RoundASentinelOnTheHeap(int n)
    {
        Node* head = Make(0);
        head->next = head->prev = head;
        for (int i = 0; i < n; i++) Link(head, Make(i));
        while (head->next != head)
        {
            Node* x = head->next;
            Unlink(x);
            NativeMemory.Free(x);
        }

        NativeMemory.Free(head);
    }

    static void UnlinkedAfterFree(int n)
    {
        Node head;
        head.next = head.prev = &head;
        for (int i = 0; i < n; i++) Link(&head, Make(i));
        while (head.next != &head)
        {
            Node* x = head.next;
            NativeMemory.Free(x);
            Unlink(x); // expect: KA4006
        }
    }

    static void NeverUnlinked(int n)
    {
        Node head;
        head.next = head.prev = &head;
        for (int i = 0; i < n; i++) Link(&head, Make(i));
        while (head.next != &head)
        {
            Node* x = head.next;
            NativeMemory.Free(x); // expect: KA4005
        }
    }

    static void FromTheHead(int n)
    {
        Chain all = default;
        for (int i = 0; i < n; i++) all.Append(Make(i));
        while (all.head != null)
        {
            Node* x = all.head;
            all.Remove(x);
            NativeMemory.Free(x);
        }
    }

    static void OneByOne(int n)
    {
        Chain all = default;
        for (int i = 0; i < n; i++) all.Append(Make(i));
        Node* x;
        while ((x = all.TakeFirst()) != null) NativeMemory.Free(x);
    }

    static void SomeThenAll(int n)
    {
        Chain all = default;
        for (int i = 0; i < n; i++) all.Append(Make(i));
        for (Node* x = all.head; x != null;)
        {
            Node* next = x->next;
            if (x->key == 3)
            {
                all.Remove(x);
                NativeMemory.Free(x);
            }

            x = next;
        }

        for (Node* x = all.head; x != null; x = x->next) x->key++;
        while (all.head != null) NativeMemory.Free(all.TakeFirst());
    }

    static void NextOfTheFreed(int n)
    {
        Chain all = default;
        for (int i = 0; i < n; i++) all.Append(Make(i));
        while (all.head != null)
        {
            Node* x = all.head;
            NativeMemory.Free(x);
            all.head = x->next; // expect: KA4006
        }
    }
}
