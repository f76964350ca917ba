// Caches of objects as the kernel keeps them: task_struct and inode_cache, each with a constructor, beside the generic kmalloc-* caches in slabinfo.
// A file system opens files and closes them, processes are forked and end; after each step the caches show what became of their slabs.
// Ends with an error if a step is not as the book has it.

using KAlloc;
using static KAlloc.Linux;

namespace ObjectCaches;

internal static unsafe class Program
{
    private static int s_wrong;
    private static int s_constructed;

    /// <summary>What a constructor leaves, and every user leaves as it found it: an unlocked lock, no users.</summary>
    private struct Inode
    {
        internal spinlock_t Lock;
        internal int Users;
        internal long Number;
        internal fixed byte Rest[560];
    }

    private struct Task
    {
        internal int State;
        internal int Pid;
        internal byte* Name;
        internal fixed byte Rest[1700];
    }

    private static int Main()
    {
        // At this level no thread keeps objects for itself, so that each call is seen in the figures.
        KernelMemory memory = KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64UL << 20, DebugLevel = DebugLevel.Sanity });
        kmem_cache* inodes = kmem_cache_create("inode_cache", sizeof(Inode), 0, SLAB_RECLAIM_ACCOUNT | SLAB_PANIC, &ConstructInode);
        kmem_cache* tasks = kmem_cache_create("task_struct", sizeof(Task), 0, SLAB_HWCACHE_ALIGN | SLAB_PANIC, &ConstructTask);

        Console.WriteLine("1. Open 100 files, fork 30 processes; a name for each from kmalloc");
        var files = new nint[100];
        for (int i = 0; i < files.Length; i++) files[i] = (nint)Open(inodes, i);
        var processes = new nint[30];
        for (int i = 0; i < processes.Length; i++) processes[i] = (nint)Fork(tasks, i);
        Show(memory, "inode_cache", "task_struct", "kmalloc-32");
        Step("each inode and task came constructed", s_constructed >= 130);

        Console.WriteLine("2. Close every file but the first: partial and empty slabs");
        for (int i = 1; i < files.Length; i++) Close(inodes, (Inode*)files[i]);
        CacheStatistics now = memory.StatisticsOf(inodes);
        Step("one inode is out, in a partial slab; no slab is full", now is { ActiveObjects: 1, PartialSlabs: 1, FullSlabs: 0 });
        Step("the empty slabs that are kept hold constructed inodes", now.EmptySlabs > 0);

        Console.WriteLine("3. Open files again: from the partial slab first, then from the empty ones; nothing is constructed again");
        int before = s_constructed, slabs = now.Slabs;
        for (int i = 1; i < 20; i++) files[i] = (nint)Open(inodes, i);
        Step("the constructor did not run", s_constructed == before);
        Step("the cache did not grow", memory.StatisticsOf(inodes).Slabs == slabs);

        Console.WriteLine("4. Everything ends; the caches are shrunk and destroyed");
        for (int i = 0; i < 20; i++) Close(inodes, (Inode*)files[i]);
        foreach (nint process in processes) Exit(tasks, (Task*)process);
        kmem_cache_shrink(inodes);
        Step("no slab is left in inode_cache", memory.StatisticsOf(inodes).Slabs == 0);
        kmem_cache_destroy(inodes);
        kmem_cache_destroy(tasks);
        Show(memory, "inode_cache", "task_struct");
        Console.WriteLine(s_wrong == 0 ? "All as the book has it." : $"{s_wrong} steps went wrong.");
        return s_wrong;
    }

    private static void ConstructInode(void* obj)
    {
        s_constructed++;
        *(Inode*)obj = default;
        spin_lock_init(ref ((Inode*)obj)->Lock);
        ((Inode*)obj)->Number = -1;
    }

    private static void ConstructTask(void* obj)
    {
        s_constructed++;
        *(Task*)obj = default;
        ((Task*)obj)->Pid = -1;
    }

    private static Inode* Open(kmem_cache* cache, int number)
    {
        var inode = (Inode*)kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOFAIL);
        if (inode->Users != 0 || inode->Number != -1) Step("an inode came without its constructor's state", false);
        inode->Users = 1;
        inode->Number = number;
        return inode;
    }

    /// <summary>Puts back what the constructor left, as every user of such a cache must.</summary>
    private static void Close(kmem_cache* cache, Inode* inode)
    {
        inode->Users = 0;
        inode->Number = -1;
        kmem_cache_free(cache, inode);
    }

    private static Task* Fork(kmem_cache* cache, int pid)
    {
        var task = (Task*)kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOFAIL);
        if (task->Pid != -1) Step("a task came without its constructor's state", false);
        task->Pid = pid;
        task->State = 1;
        task->Name = (byte*)kzalloc(24, GFP_KERNEL);
        return task;
    }

    private static void Exit(kmem_cache* cache, Task* task)
    {
        kfree(task->Name);
        task->Name = null;
        task->State = 0;
        task->Pid = -1;
        kmem_cache_free(cache, task);
    }

    /// <summary>Prints a step, and remembers if it was not as it should be.</summary>
    private static void Step(string text, bool holds)
    {
        Console.WriteLine($"  {text}{(holds ? "" : "   <-- WRONG")}");
        if (!holds) s_wrong++;
    }

    /// <summary>The lines of <c>/proc/slabinfo</c> of some caches.</summary>
    private static void Show(KernelMemory memory, params ReadOnlySpan<string> names)
    {
        foreach (string line in memory.Proc.SlabInfo().Split('\n'))
        {
            if (line.StartsWith("# name", StringComparison.Ordinal) || names.Contains(line.Split(' ')[0])) Console.WriteLine($"  {line}");
        }
    }
}
