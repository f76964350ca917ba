// Nodes that own each other: each allocation is stored in the one before, and freed by walking.

using System.Runtime.InteropServices;

namespace Corpus.LinkedNodes;

public unsafe struct Node
{
    public Node* Next;
    public int Value;
}

public sealed unsafe class NativeStack : IDisposable
{
    private Node* _top;

    public bool IsEmpty => _top == null;

    public void Push(int value)
    {
        Node* node = (Node*)NativeMemory.Alloc((nuint)sizeof(Node));
        node->Value = value;
        node->Next = _top;
        _top = node;
    }

    public bool TryPop(out int value)
    {
        Node* node = _top;
        if (node == null)
        {
            value = 0;
            return false;
        }

        value = node->Value;
        _top = node->Next;
        NativeMemory.Free(node);
        return true;
    }

    public int RemoveAll(int value)
    {
        int removed = 0;
        for (Node* node = _top, previous = null; node != null;)
        {
            Node* next = node->Next;
            if (node->Value == value)
            {
                if (previous == null) _top = next;
                else previous->Next = next;
                NativeMemory.Free(node);
                removed++;
            }
            else
            {
                previous = node;
            }

            node = next;
        }

        return removed;
    }

    public void Dispose()
    {
        while (_top != null)
        {
            Node* next = _top->Next;
            NativeMemory.Free(_top);
            _top = next;
        }
    }
}

public unsafe struct TreeNode
{
    public TreeNode* Left;
    public TreeNode* Right;
    public int Key;

    public static TreeNode* Insert(TreeNode* root, int key)
    {
        if (root == null)
        {
            var fresh = (TreeNode*)NativeMemory.AllocZeroed((nuint)sizeof(TreeNode));
            fresh->Key = key;
            return fresh;
        }

        if (key < root->Key) root->Left = Insert(root->Left, key);
        else if (key > root->Key) root->Right = Insert(root->Right, key);
        return root;
    }

    public static void Free(TreeNode* root)
    {
        if (root == null) return;
        Free(root->Left);
        Free(root->Right);
        NativeMemory.Free(root);
    }
}
