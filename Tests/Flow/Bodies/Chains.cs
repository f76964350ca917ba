// Nodes that a loop allocates and links into a list, and what the code behind the loop frees of it.

using KAlloc;
using static KAlloc.Linux;

unsafe struct Node { public int value; public Node* next; public Node* prev; }

unsafe struct Queue { public Node* first; public Node* last; }

unsafe static class Bodies
{
    static Node* s_all;

    static int OnlyTheFirst(int n)
    {
        Node* head = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        if (head != null)
        {
            Node* next = head->next;
            kfree(head);
            head = next;
        }

        return 0; // expect: KA4001
    }

    static int OnlyTheFirstOfThree()
    {
        Node* head = null;
        for (int i = 0; i < 3; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        if (head != null) kfree(head);
        return 0; // expect: KA4001
    }

    static int EachOfThem(int n)
    {
        Node* head = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        while (head != null)
        {
            Node* next = head->next;
            kfree(head);
            head = next;
        }

        return 0;
    }

    static int EachOfThemInADo(int n)
    {
        Node* head = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        if (head == null) return -1;
        do
        {
            Node* next = head->next;
            kfree(head);
            head = next;
        }
        while (head != null);
        return 0;
    }

    static int EachOfThemElsewhere(int n)
    {
        Node* head = null;
        while (n-- > 0)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null)
            {
                FreeAll(head);
                return -1;
            }

            node->next = head;
            head = node;
        }

        FreeAll(head);
        return 0;
    }

    static int EachOfThemByRecursion(int n)
    {
        Node* head = null;
        while (n-- > 0)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        FreeFrom(head);
        return 0;
    }

    static int InOrder(int n)
    {
        Node* head = null, tail = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            if (tail == null) head = node;
            else tail->next = node;
            tail = node;
        }

        while (head != null)
        {
            Node* next = head->next;
            kfree(head);
            head = next;
        }

        return 0;
    }

    static int InOrderAndOnlyTheFirst(int n)
    {
        Node* head = null, tail = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            if (tail == null) head = node;
            else tail->next = node;
            tail = node;
        }

        kfree(head);
        return 0; // expect: KA4001
    }

    static int OneByOneFromTheEnd(int n)
    {
        Node* tail = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->prev = tail;
            if (tail != null) tail->next = node;
            tail = node;
        }

        while (tail != null)
        {
            Node* before = tail->prev;
            if (before != null) before->next = null;
            kfree(tail);
            tail = before;
        }

        return 0;
    }

    static int CountedAndFreedAsOften(int n)
    {
        Node* head = null;
        int count = 0;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
            count++;
        }

        for (; count > 0; count--)
        {
            Node* next = head->next;
            kfree(head);
            head = next;
        }

        return 0;
    }

    static int NoMoreThanTwo(int n)
    {
        Node* head = null;
        int count = 0;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
            if (++count == 2)
            {
                FreeAll(head);
                head = null;
                count = 0;
            }
        }

        kfree(head);
        return 0;
    }

    static void KeptByAll(int n)
    {
        Node* head = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        s_all = head;
    }

    static Node* Returned(int n)
    {
        Node* head = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = head;
            head = node;
        }

        return head;
    }

    static void IntoAQueue(Queue* queue, int n)
    {
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) return;
            node->prev = queue->last;
            if (queue->last != null) queue->last->next = node;
            else queue->first = node;
            queue->last = node;
        }
    }

    static int InARing(int n)
    {
        Node* first = kzalloc<Node>(GFP_KERNEL);
        if (first == null) return -1;
        first->next = first;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = first->next;
            first->next = node;
        }

        Node* at = first->next;
        while (at != first)
        {
            Node* next = at->next;
            kfree(at);
            at = next;
        }

        kfree(first);
        return 0;
    }

    static int TheOldestGoes(int n)
    {
        Node* kept = null;
        for (int i = 0; i < n; i++)
        {
            Node* node = kzalloc<Node>(GFP_KERNEL);
            if (node == null) break;
            node->next = kept;
            if (kept != null && kept->next != null)
            {
                kfree(kept->next);
                kept->next = null;
            }

            kept = node;
        }

        if (kept != null) kfree(kept->next);
        kfree(kept);
        return 0;
    }

    private static void FreeAll(Node* head)
    {
        while (head != null)
        {
            Node* next = head->next;
            kfree(head);
            head = next;
        }
    }

    private static void FreeFrom(Node* node)
    {
        if (node == null) return;
        FreeFrom(node->next);
        kfree(node);
    }
}
