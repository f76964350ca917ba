// That the kernel face compiles in an ordinary project: this one has ImplicitUsings, nullable and warnings as errors, and the aliases of the package.

using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

/// <summary>Every alias names a type, every function of the context layer is called by a test, every contract names what exists.</summary>
public unsafe partial class KernelNamesTests
{
    private static readonly (string Alias, Type Type)[] s_aliases =
    [
        (nameof(raw_spinlock_t), typeof(raw_spinlock_t)), (nameof(spinlock_t), typeof(spinlock_t)), (nameof(rwlock_t), typeof(rwlock_t)),
        (nameof(mutex_t), typeof(mutex_t)), (nameof(semaphore), typeof(semaphore)), (nameof(completion), typeof(completion)),
        (nameof(work_struct), typeof(work_struct)), (nameof(delayed_work), typeof(delayed_work)), (nameof(timer_list), typeof(timer_list)),
        (nameof(tasklet_struct), typeof(tasklet_struct)), (nameof(irqreturn_t), typeof(irqreturn_t)), (nameof(irq_handler_t), typeof(irq_handler_t)),
        (nameof(tasklet_fn), typeof(tasklet_fn)), (nameof(timer_fn), typeof(timer_fn)), (nameof(work_fn), typeof(work_fn)), (nameof(softirq_fn), typeof(softirq_fn)),
        (nameof(rw_semaphore), typeof(rw_semaphore)), (nameof(wait_queue_head_t), typeof(wait_queue_head_t)), (nameof(rcu_head), typeof(rcu_head)),
        (nameof(rcu_callback_t), typeof(rcu_callback_t)), (nameof(task_struct), typeof(task_struct)), (nameof(thread_fn), typeof(thread_fn)),
        (nameof(irq_thread_fn), typeof(irq_thread_fn)), (nameof(thread_info), typeof(thread_info)), (nameof(thread_union), typeof(thread_union)),
        (nameof(list_head), typeof(list_head)), (nameof(atomic_t), typeof(atomic_t)), (nameof(refcount_t), typeof(refcount_t)), (nameof(kref), typeof(kref)),
    ];

    private static readonly string[] s_faces =
        ["Context", "DeferredWork", "Dma", "Helpers", "Printing", "RawSpinLocks", "ReadWriteLocks", "SleepingLocks", "SpinLocks", "Stack", "Threads", "UserMemory"];

    [Fact]
    public void Aliases_AreThoseOfThePackage_AndNoneEqualsAThreadingType()
    {
        XDocument props = XDocument.Load(Path.Combine(Root(), "Runtime/build/KAlloc.LinuxNames.props"));
        Dictionary<string, string> shipped = props.Descendants("Using").Where(use => use.Attribute("Alias") is not null)
            .ToDictionary(use => use.Attribute("Alias")!.Value, use => use.Attribute("Include")!.Value);
        foreach ((string alias, Type type) in s_aliases) Assert.Equal(type.FullName, shipped[alias]);
        foreach (string name in shipped.Values)
        {
            Type? type = typeof(Linux).Assembly.GetType(name);
            Assert.True(type is { IsPublic: true }, name);
            Assert.Null(typeof(Thread).Assembly.GetType("System.Threading." + type.Name));
        }
    }

    [Fact]
    public void ZeroedStructs_AreUnmanagedAndValid()
    {
        spinlock_t spin = new();
        Assert.False(spin_is_locked(ref spin));
        raw_spinlock_t raw = new();
        Assert.False(raw_spin_is_locked(ref raw));
        mutex_t mutex = new();
        mutex_init(ref mutex);
        Assert.False(mutex_is_locked(ref mutex));
        completion done = new();
        init_completion(ref done);
        Assert.False(completion_done(ref done));
        Assert.Equal(8, sizeof(spinlock_t));
        Assert.Equal(8, sizeof(mutex_t));
        Assert.True(likely(true) && !unlikely(false));
        pr_info("names");
        pr_warn("names");
        pr_err(KERN_WARNING + "names");
        spin_lock_init(ref spin);
        Assert.Equal((nuint)HZ, msecs_to_jiffies(1000));
        Assert.Equal((0, (nuint)0x80000), ((int)IRQ_NONE, IRQF_NO_AUTOEN));
        Assert.Equal((-1, -2), (-EPERM, -ENOENT));
    }

    [Fact]
    public void EveryFunctionOfTheContextFace_IsUsedByATest()
    {
        string tests = string.Concat(Directory.GetFiles(Path.Combine(Root(), "Tests/Runtime"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        HashSet<string> used = [.. Word().Matches(tests).Select(match => match.Value)];
        var unused = new List<string>();
        foreach (string face in s_faces)
        {
            string source = File.ReadAllText(Path.Combine(Root(), $"Runtime/Linux.{face}.cs"));
            foreach (Match match in Member().Matches(source))
                if (!used.Contains(match.Groups[1].Value)) unused.Add(match.Groups[1].Value);
        }

        Assert.Empty(unused);
    }

    [Fact]
    public void EveryContract_NamesParametersAndFunctionsThatExist()
    {
        var wrong = new List<string>();
        foreach (MethodInfo method in typeof(Linux).GetMethods(BindingFlags.Public | BindingFlags.Static))
        {
            HashSet<string?> parameters = [.. method.GetParameters().Select(parameter => parameter.Name)];
            void Parameter(string? name)
            {
                if (name is not null && !parameters.Contains(name)) wrong.Add($"{method.Name}: no parameter {name}");
            }

            foreach (EntersAtomicAttribute enters in method.GetCustomAttributes<EntersAtomicAttribute>())
            {
                Parameter(enters.Lock);
                Parameter(enters.Saves);
                LeavesAtomicAttribute? leaves = typeof(Linux).GetMethod(enters.LeftBy ?? "")?.GetCustomAttribute<LeavesAtomicAttribute>();
                if (leaves is null || leaves.Kind != enters.Kind || leaves.Shared != enters.Shared || leaves.Restores is null != enters.Saves is null)
                    wrong.Add($"{method.Name}: {enters.LeftBy} does not leave what it enters");
            }

            foreach (LeavesAtomicAttribute leaves in method.GetCustomAttributes<LeavesAtomicAttribute>())
            {
                Parameter(leaves.Lock);
                Parameter(leaves.Restores);
            }

            foreach (MightSleepIfAttribute sleeps in method.GetCustomAttributes<MightSleepIfAttribute>()) Parameter(sleeps.Parameter);
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void EveryHandler_SaysItsContext_OnItsTypeAndOnItsParameter()
    {
        foreach (MethodInfo method in typeof(Linux).GetMethods(BindingFlags.Public | BindingFlags.Static))
        {
            foreach (ParameterInfo parameter in method.GetParameters())
            {
                bool calls = typeof(Delegate).IsAssignableFrom(parameter.ParameterType) || parameter.ParameterType.IsFunctionPointer;

                // The exceptions run in the context of whoever calls.
                if (!calls || method.Name is nameof(kref_put) or nameof(mempool_create) || parameter.Name == "ctor") continue;
                Assert.True(SaysContext(parameter.GetCustomAttributes()), $"{method.Name}({parameter.Name})");
                if (!parameter.ParameterType.IsFunctionPointer) Assert.True(SaysContext(parameter.ParameterType.GetCustomAttributes()), parameter.ParameterType.Name);
            }
        }

        static bool SaysContext(IEnumerable<Attribute> attributes) => attributes.Any(a => a is AtomicContextAttribute or ProcessContextAttribute);
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "../../.."));

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^    public (?:static|const)[^(=]*? (\w+)(?:<\[|<T>\(|\(| =)", RegexOptions.Multiline)]
    private static partial Regex Member();
}
