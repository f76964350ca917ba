// Circles of methods: what they do after a few calls within the circle is known, what they do after more is not.

unsafe class Bodies
{
    unsafe struct Tree
    {
        public Tree* left, right;
        public int value;
    }

    private static spinlock_t s_lock;

    static void CalleeWalk(int depth, byte* p)
    {
        if (depth > 0)
        {
            CalleeWalk(depth - 1, p);
            return;
        }

        *p = 1;
    }

    static void CalleeEven(int n, byte* p)
    {
        if (n == 0) kfree(p);
        else CalleeOdd(n - 1, p);
    }

    static void CalleeOdd(int n, byte* p)
    {
        if (n != 0) CalleeEven(n - 1, p);
    }

    static void CalleeFreeTree(Tree* tree)
    {
        if (tree == null) return;
        CalleeFreeTree(tree->left);
        CalleeFreeTree(tree->right);
        kfree(tree);
    }

    static void CalleeSleepsBelow(int n)
    {
        if (n > 0) CalleeSleepsBelow(n - 1);
        else msleep(1);
    }

    static byte* CalleeRetry(int n)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        return p == null && n > 0 ? CalleeRetry(n - 1) : p;
    }

    void UsedBelow()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
        CalleeWalk(2, p); // expect: KA4006
    }

    void OnlyLent()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        CalleeWalk(2, p);
    } // expect: KA4001

    void LentAndFreed(int depth)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        CalleeWalk(depth, p);
        kfree(p);
    }

    void FreedInTheCircle()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        CalleeEven(2, p);
        kfree(p); // expect: KA4005
    }

    void NotFreedInTheCircle()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        CalleeEven(1, p);
        kfree(p);
    }

    void FreedDeepInTheCircle()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        CalleeEven(40, p);
    }

    void Tree2()
    {
        Tree* root = kzalloc<Tree>(GFP_KERNEL);
        if (root == null) return;
        root->left = kzalloc<Tree>(GFP_KERNEL);
        root->right = kzalloc<Tree>(GFP_KERNEL);
        CalleeFreeTree(root);
    }

    void TreeTwice(Tree* root)
    {
        CalleeFreeTree(root);
        if (root != null) root->value = 1; // expect: KA4006
    }

    void SleepsBelow()
    {
        spin_lock(ref s_lock);
        CalleeSleepsBelow(2); // expect: KA1004
        spin_unlock(ref s_lock);
    }

    void Retries()
    {
        kfree(CalleeRetry(3));
    }

    void RetriesAndLoses()
    {
        byte* p = CalleeRetry(3);
        if (p != null) *p = 1;
    } // expect: KA4001
}
