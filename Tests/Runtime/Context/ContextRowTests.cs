using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Every row: sleeping where it must not be is reported, the same where it may be is not. And docs/contexts.md says what the rows say.</summary>
public class ContextRowTests
{
    private const string Invalid = "BUG: sleeping function called from invalid context at ";

    public static TheoryData<string> Sections => [.. ContextRows.Sections.Concat(ContextRows.Handlers).Where(row => row.In is not null).Select(row => row.Enter)];

    public static TheoryData<string> ProcessContexts => [.. ContextRows.Process.Select(row => row.Enter)];

    public static TheoryData<string> Calls => [.. SleepRows.All.Where(row => row.Prepare is not null).Select(row => row.Function)];

    [Theory]
    [MemberData(nameof(Sections))]
    public void Section_SleepingInIt_IsReported_AndAfterItIsNot(string enter) => Cpu.Run(() =>
    {
        ContextRow row = ContextRows.Sections.Concat(ContextRows.Handlers).Single(row => row.Enter == enter);
        bool ran = false;
        row.In!(() =>
        {
            Bug(Invalid, () => Linux.might_sleep());
            Assert.Empty(Reports(() => Linux.might_alloc(GfpFlags.Atomic)));
            ran = true;
        });
        Assert.True(ran);
        Assert.Empty(Reports(() => Linux.might_sleep()));
    });

    [Theory]
    [MemberData(nameof(ProcessContexts))]
    public void ProcessContext_SleepingInIt_IsNotReported(string enter) => Cpu.Run(() =>
    {
        ContextRow row = ContextRows.Process.Single(row => row.Enter == enter);
        bool ran = false;
        row.In!(() =>
        {
            Assert.Empty(Reports(() => Linux.might_sleep()));
            Assert.True(Linux.in_task());
            ran = true;
        });
        Assert.True(ran);
    });

    [Theory]
    [MemberData(nameof(Calls))]
    public void Call_InAtomicContext_IsReported_AndInProcessContextIsNot(string function) => Cpu.Run(() =>
    {
        SleepRow row = SleepRows.All.Single(row => row.Function == function);
        Action call = row.Prepare!();
        foreach (string context in (string[])["spin_lock", "rcu_read_lock", "local_irq_disable", "request_irq"])
        {
            if (row.DeferredInInterrupt && context == "request_irq") continue;
            ContextRow atomic = ContextRows.Sections.Concat(ContextRows.Handlers).Single(section => section.Enter == context);
            atomic.In!(() =>
            {
                string text = Assert.Throws<KernelBugException>(call).Message;
                Assert.True(text.StartsWith(Invalid, StringComparison.Ordinal) || text.StartsWith("BUG: scheduling while atomic: ", StringComparison.Ordinal), text);
                if (row.Harmless is { } harmless) Assert.Empty(Reports(harmless));
            });
        }

        Assert.Empty(Reports(call));
    });

    [Theory]
    [InlineData("vfree")]
    [InlineData("kvfree")]
    [InlineData("kvfree_sensitive")]
    public void DeferredCall_InAnInterrupt_IsNotReported(string function) => Cpu.Run(() =>
    {
        Action call = SleepRows.All.Single(row => row.Function == function).Prepare!();
        ContextRows.Handlers.Single(row => row.Enter == "request_irq").In!(() => Assert.Empty(Reports(call)));
    });

    /// <summary>A function that is added to the kernel face brings its row's code with it; one with a sleeping contract has a row.</summary>
    [Fact]
    public void Rows_FollowTheFace()
    {
        HashSet<string> face = [.. typeof(Linux).GetMethods(BindingFlags.Public | BindingFlags.Static).Select(method => method.Name)];
        ContextRow[] contexts = [.. ContextRows.Sections, .. ContextRows.Handlers, .. ContextRows.Process];
        Assert.All(contexts, row => Assert.True(row.In is not null == face.Contains(row.Enter), row.Enter));
        Assert.All(SleepRows.All, row => Assert.True(row.Prepare is not null == face.Contains(row.Function), row.Function));
        Assert.Equal(SleepRows.All.Length, SleepRows.All.DistinctBy(row => row.Function).Count());
    }

    /// <summary>The other way round: whatever the face's contracts say of a function, a row shows it at run time.</summary>
    [Fact]
    public void EveryContractOfTheFace_HasARow()
    {
        HashSet<string> sleeping = [.. SleepRows.All.Select(row => row.Function)];
        HashSet<string> sections = [.. ContextRows.Sections.Select(row => row.Enter)];
        HashSet<string> leaving = [.. ContextRows.Sections.Select(row => row.Leave)];
        HashSet<string> handlers = [.. ContextRows.Handlers.Select(row => row.Enter)];
        HashSet<string> process = [.. ContextRows.Process.Select(row => row.Enter)];
        const LockKind Atomic = LockKind.Preempt | LockKind.SoftIrq | LockKind.HardIrq | LockKind.Rcu;
        var missing = new SortedSet<string>(StringComparer.Ordinal);
        foreach (MethodInfo method in typeof(Linux).GetMethods(BindingFlags.Public | BindingFlags.Static))
        {
            if (method.IsDefined(typeof(MightSleepAttribute)) || method.IsDefined(typeof(MightSleepIfAttribute))) Need(sleeping, method, "may sleep");
            if (method.GetCustomAttributes<EntersAtomicAttribute>().Any(enters => (enters.Kind & Atomic) != 0)) Need(sections, method, "enters atomic context");
            if (method.GetCustomAttributes<LeavesAtomicAttribute>().Any(leaves => (leaves.Kind & Atomic) != 0)) Need(leaving, method, "leaves atomic context");
            foreach (ParameterInfo parameter in method.GetParameters())
            {
                if (parameter.IsDefined(typeof(AtomicContextAttribute), inherit: true)) Need(handlers, method, "takes an atomic handler");
                if (parameter.IsDefined(typeof(ProcessContextAttribute))) Need(process, method, "takes a handler in process context");
            }
        }

        Assert.True(missing.Count == 0, string.Join("\n", missing));

        void Need(HashSet<string> rows, MethodInfo method, string what)
        {
            if (!rows.Contains(method.Name)) missing.Add($"{method.Name} {what}");
        }
    }

    [Fact]
    public void Page_SaysWhatTheRowsSay()
    {
        string path = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/contexts.md"));
        string page = Page();
        if (Environment.GetEnvironmentVariable("KALLOC_REGENERATE") == "1") File.WriteAllText(path, page);
        Assert.Equal(page, File.ReadAllText(path));
    }

    private static string Page()
    {
        var text = new StringBuilder();
        text.Append("""
            # Contexts: where code must not sleep

            Made from the rows of `Tests/Runtime/Context/ContextRows.cs` and `SleepRows.cs`, which are tests too: for each row that is part of KAlloc, sleeping where it
            is forbidden is reported at run time, and where it is allowed is not. Functions that KAlloc does not have are listed, so that nobody looks for them.

            ## Sections that must not sleep

            | entered by | left by | in KAlloc |
            |---|---|---|

            """);
        foreach (ContextRow row in ContextRows.Sections) Line(row.Enter, $"`{row.Leave}`", row.In is not null);
        text.Append("\n## Handlers that must not sleep\n\n| set up by | runs as | in KAlloc |\n|---|---|---|\n");
        foreach (ContextRow row in ContextRows.Handlers) Line(row.Enter, row.Leave, row.In is not null);
        text.Append("\n## Process context\n\n| set up by | runs as | in KAlloc |\n|---|---|---|\n");
        foreach (ContextRow row in ContextRows.Process) Line(row.Enter, row.Leave, row.In is not null);
        text.Append("\n## Calls that may sleep\n\n| call | sleeps | in KAlloc |\n|---|---|---|\n");
        foreach (SleepRow row in SleepRows.All) Line(row.Function, row.When + (row.DeferredInInterrupt ? "; in an interrupt it is put off" : ""), row.Prepare is not null);
        return text.ToString();

        void Line(string name, string what, bool known) => text.Append($"| `{name}` | {what} | {(known ? "yes" : "not part of KAlloc")} |\n");
    }

    private static string Here([CallerFilePath] string file = "") => file;
}
