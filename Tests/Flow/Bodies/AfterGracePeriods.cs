// Objects that a callback frees once nobody reads them any more.

using KAlloc;
using static KAlloc.Linux;

unsafe struct Node
{
    public rcu_head rcu;
    public void* data;
}

unsafe static class Bodies
{
    static void Free(rcu_head* head)
    {
        var node = (Node*)head;
        kfree(node->data);
        kfree(node);
    }

    static Node* Make()
    {
        var node = (Node*)kzalloc((nuint)sizeof(Node), GFP_KERNEL);
        if (node != null) node->data = kmalloc(8, GFP_KERNEL);
        return node;
    }

    static void FreedLater()
    {
        Node* node = Make();
        if (node == null) return;
        call_rcu(&node->rcu, &Free);
    }

    static void FreedLaterByALambda()
    {
        Node* node = Make();
        if (node == null) return;
        call_rcu(&node->rcu, static head => Free(head));
    }

    static void Forgotten()
    {
        Node* node = Make();
        if (node == null) return;
    } // expect: KA4001

    static void FreedAtOnceAndLater()
    {
        Node* node = Make();
        if (node == null) return;
        kfree(node->data);
        kfree(node);
        call_rcu(&node->rcu, &Free); // expect: KA4006
    }
}
