// The kernel face: flags of a page. Each is one atomic instruction and never sleeps.
// Freeing a page that is locked, reserved, private, active or under writeback is "Bad page state".

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary>Whether flag <c>PG_locked</c> of the page is set: somebody holds the page lock.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageLocked([Borrows] page* page) => (page->Flags & PageFlags.Locked) != 0;

    /// <summary>Sets flag <c>PG_locked</c> of the page: somebody holds the page lock.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageLocked([Borrows] page* page) => PageLock.Set(page, PageFlags.Locked);

    /// <summary>Clears flag <c>PG_locked</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageLocked([Borrows] page* page) => PageLock.Clear(page, PageFlags.Locked);

    /// <summary>Whether flag <c>PG_writeback</c> of the page is set: it is under writeback.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageWriteback([Borrows] page* page) => (page->Flags & PageFlags.Writeback) != 0;

    /// <summary>Sets flag <c>PG_writeback</c> of the page: it is under writeback.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageWriteback([Borrows] page* page) => PageLock.Set(page, PageFlags.Writeback);

    /// <summary>Clears flag <c>PG_writeback</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageWriteback([Borrows] page* page) => PageLock.Clear(page, PageFlags.Writeback);

    /// <summary>Whether flag <c>PG_referenced</c> of the page is set: it was used recently.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageReferenced([Borrows] page* page) => (page->Flags & PageFlags.Referenced) != 0;

    /// <summary>Sets flag <c>PG_referenced</c> of the page: it was used recently.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageReferenced([Borrows] page* page) => PageLock.Set(page, PageFlags.Referenced);

    /// <summary>Clears flag <c>PG_referenced</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageReferenced([Borrows] page* page) => PageLock.Clear(page, PageFlags.Referenced);

    /// <summary>Whether flag <c>PG_uptodate</c> of the page is set: its content is valid.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageUptodate([Borrows] page* page) => (page->Flags & PageFlags.Uptodate) != 0;

    /// <summary>Sets flag <c>PG_uptodate</c> of the page: its content is valid.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageUptodate([Borrows] page* page) => PageLock.Set(page, PageFlags.Uptodate);

    /// <summary>Clears flag <c>PG_uptodate</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageUptodate([Borrows] page* page) => PageLock.Clear(page, PageFlags.Uptodate);

    /// <summary>Whether flag <c>PG_dirty</c> of the page is set: it changed since it was last written.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageDirty([Borrows] page* page) => (page->Flags & PageFlags.Dirty) != 0;

    /// <summary>Sets flag <c>PG_dirty</c> of the page: it changed since it was last written.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageDirty([Borrows] page* page) => PageLock.Set(page, PageFlags.Dirty);

    /// <summary>Clears flag <c>PG_dirty</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageDirty([Borrows] page* page) => PageLock.Clear(page, PageFlags.Dirty);

    /// <summary>Whether flag <c>PG_active</c> of the page is set: it is in active use.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageActive([Borrows] page* page) => (page->Flags & PageFlags.Active) != 0;

    /// <summary>Sets flag <c>PG_active</c> of the page: it is in active use.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageActive([Borrows] page* page) => PageLock.Set(page, PageFlags.Active);

    /// <summary>Clears flag <c>PG_active</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageActive([Borrows] page* page) => PageLock.Clear(page, PageFlags.Active);

    /// <summary>Whether flag <c>PG_reserved</c> of the page is set: the allocator must not touch it.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PageReserved([Borrows] page* page) => (page->Flags & PageFlags.Reserved) != 0;

    /// <summary>Sets flag <c>PG_reserved</c> of the page: the allocator must not touch it.</summary>
    /// <param name="page">The page.</param>
    public static void SetPageReserved([Borrows] page* page) => PageLock.Set(page, PageFlags.Reserved);

    /// <summary>Clears flag <c>PG_reserved</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPageReserved([Borrows] page* page) => PageLock.Clear(page, PageFlags.Reserved);

    /// <summary>Whether flag <c>PG_private</c> of the page is set: its private field is in use.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The flag.</returns>
    public static bool PagePrivate([Borrows] page* page) => (page->Flags & PageFlags.Private) != 0;

    /// <summary>Sets flag <c>PG_private</c> of the page: its private field is in use.</summary>
    /// <param name="page">The page.</param>
    public static void SetPagePrivate([Borrows] page* page) => PageLock.Set(page, PageFlags.Private);

    /// <summary>Clears flag <c>PG_private</c> of the page.</summary>
    /// <param name="page">The page.</param>
    public static void ClearPagePrivate([Borrows] page* page) => PageLock.Clear(page, PageFlags.Private);

    /// <summary>Takes the page lock (<c>lock_page</c>). Sleeps while somebody else holds it: process context only.</summary>
    /// <param name="page">The page.</param>
    [MightSleep]
    public static void lock_page([Borrows] page* page) => PageLock.Lock(page);

    /// <summary>Takes the page lock if it is free (<c>trylock_page</c>). Never sleeps.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Whether the lock was taken.</returns>
    public static bool trylock_page([Borrows] page* page) => PageLock.TryLock(page);

    /// <summary>Releases the page lock (<c>unlock_page</c>). Never sleeps. Releasing a page that is not locked is a BUG.</summary>
    /// <param name="page">The page.</param>
    public static void unlock_page([Borrows] page* page) => PageLock.Unlock(page);

    /// <summary>
    /// How many page tables of user space show a page (<c>page_mapcount</c>): mappings made known by <see cref="page_add_file_rmap"/> and not yet undone. The
    /// kernel's own mappings (direct map, vmap, vmalloc, kmap) do not count, as in the kernel. Never sleeps.
    /// </summary>
    /// <param name="page">The page; of a compound block any page, the block is counted as one.</param>
    /// <returns>The count; 0 for a page of a slab.</returns>
    public static int page_mapcount([Borrows] page* page) => PageSystem.MapCountOf(page);

    /// <summary>Whether a page table of user space shows a page (<c>page_mapped</c>). Never sleeps.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Whether <see cref="page_mapcount"/> is not 0.</returns>
    public static bool page_mapped([Borrows] page* page) => page_mapcount(page) != 0;

    /// <summary>
    /// A page table of user space now shows the page (<c>page_add_file_rmap</c>): raises <see cref="page_mapcount"/>. To free the page before
    /// <see cref="page_remove_rmap"/> is "Bad page state". Takes no reference: the caller has one. Never sleeps.
    /// </summary>
    /// <param name="page">The first page of an allocated block, or any of a compound one; anything else is a BUG.</param>
    public static void page_add_file_rmap([Borrows] page* page) => PageSystem.AddMapping(page);

    /// <summary>A page table of user space does not show the page any more (<c>page_remove_rmap</c>). One that is mapped nowhere is a BUG. Never sleeps.</summary>
    /// <param name="page">The page.</param>
    public static void page_remove_rmap([Borrows] page* page) => PageSystem.RemoveMapping(page);

    /// <summary>The owner's word of a page (<c>page_private</c>).</summary>
    /// <param name="page">An allocated page.</param>
    /// <returns>The word.</returns>
    public static nuint page_private([Borrows] page* page) => page->Private;

    /// <summary>Sets the owner's word of a page (<c>set_page_private</c>); flag <c>PG_private</c> is separate.</summary>
    /// <param name="page">An allocated page.</param>
    /// <param name="value">The word.</param>
    public static void set_page_private([Borrows] page* page, nuint value) => page->Private = value;
}
