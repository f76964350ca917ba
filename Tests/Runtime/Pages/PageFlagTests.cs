using System.Reflection;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The flags of a page: their accessors, which of them a page may have when it is freed, and what the report of a bad page says.</summary>
[Collection("policy")]
public unsafe class PageFlagTests
{
    private const PageFlags Any = PageFlags.Referenced | PageFlags.Uptodate | PageFlags.Dirty | PageFlags.Waiters | PageFlags.Workingset | PageFlags.OwnerPriv1
        | PageFlags.Owner2 | PageFlags.Arch1 | PageFlags.Reclaim | PageFlags.Swapbacked;

    /// <summary>The kernel's PAGE_FLAGS_CHECK_AT_FREE, by name.</summary>
    public static TheoryData<PageFlags> Refused =>
        [PageFlags.Lru, PageFlags.Locked, PageFlags.Private, PageFlags.Private2, PageFlags.Writeback, PageFlags.Reserved, PageFlags.Active, PageFlags.Unevictable, PageFlags.Mlocked];

    public static TheoryData<PageFlags> Allowed => [.. Enum.GetValues<PageFlags>().Where(flag => flag != 0 && (flag & Any) == flag)];

    public static TheoryData<string> Accessors => ["Locked", "Writeback", "Referenced", "Uptodate", "Dirty", "Active", "Reserved", "Private"];

    [Theory]
    [MemberData(nameof(Accessors))]
    public void Accessors_SetTestAndClear_TheirFlagAlone(string name)
    {
        page* page = alloc_page(GFP_KERNEL);
        object boxed = Pointer.Box(page, typeof(Page*));
        var flag = Enum.Parse<PageFlags>(name);
        page->Flags = Any & ~flag;
        Assert.False(Call("Page"));
        Call("SetPage");
        Assert.Equal(Any | flag, page->Flags);
        Assert.True(Call("Page"));
        Call("ClearPage");
        Assert.Equal(Any & ~flag, page->Flags);
        page->Flags = 0;
        __free_page(page);

        bool Call(string prefix) => typeof(Linux).GetMethod(prefix + name)!.Invoke(null, [boxed]) is true;
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void FlagThatAFreePageMustNotHave_IsBadPageState_AndThePageIsNotHandedOut(PageFlags flag)
    {
        foreach (int order in (int[])[0, 3])
        {
            page* page = alloc_pages(GFP_KERNEL, order);
            page->Flags = flag;
            KernelBugException bug = Assert.Throws<KernelBugException>(() => __free_pages(page, order));
            Assert.StartsWith("BUG: Bad page state in process ", bug.Message);
            Assert.Contains($"  pfn:{page_to_pfn(page):x5}\npage: refcount:1 mapcount:0 ", bug.Message);
            Assert.Contains($"({flag})\nraw: ", bug.Message);
            Assert.EndsWith("page dumped because: PAGE_FLAGS_CHECK_AT_FREE flag(s) set", bug.Message);
            Assert.Equal((1, flag), (page_count(page), page->Flags));
            page->Flags = 0;
            __free_pages(page, order);
        }
    }

    [Theory]
    [MemberData(nameof(Allowed))]
    public void OtherFlags_GoAtTheFree(PageFlags flag)
    {
        page* page = alloc_page(GFP_KERNEL);
        page->Flags = flag;
        Assert.Empty(Reports(() => __free_page(page)));
        Assert.Equal((PageFlags)0, page->Flags & flag);
    }

    [Fact]
    public void BadPages_AreShownSixtyTimesAMinute_AndTheRestIsCounted()
    {
        BugPolicy before = KernelReports.Policy;
        KernelReports.Policy = BugPolicy.Log;
        page* page = alloc_page(GFP_KERNEL);
        SetPageReserved(page);
        try
        {
            PageAllocator.EndBadPageMinute();
            Reports(() => __free_page(page));
            PageAllocator.EndBadPageMinute();
            Assert.Equal(60, Reports(Hundred).Count);
            Assert.Empty(Reports(Hundred));
            Assert.Equal(1, page_count(page));
            PageAllocator.EndBadPageMinute();
            List<KernelReport> reports = Reports(() => __free_page(page));
            Assert.Equal("BUG: Bad page state: 140 messages suppressed", reports[0].Text);
            Assert.StartsWith("BUG: Bad page state in process ", reports[1].Text);
        }
        finally
        {
            PageAllocator.EndBadPageMinute();
            KernelReports.Policy = before;
            ClearPageReserved(page);
            __free_page(page);
        }

        void Hundred()
        {
            for (int i = 0; i < 100; i++) __free_page(page);
        }
    }
}
