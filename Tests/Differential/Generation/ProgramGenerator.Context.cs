// Locks and other sections, calls that sleep, handlers.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>A way to open a section and to leave it. {flags} is a variable of its own.</summary>
    private sealed record SectionForm(string Enter, string Leave, string[] Needs, bool IsAtomic = true)
    {
        internal bool IsOfObject => Enter.Contains("{gate}", StringComparison.Ordinal);

        internal bool HasFlags => Enter.Contains("{flags}", StringComparison.Ordinal);
    }

    private static readonly SectionForm[] s_sections =
    [
        new("spin_lock(ref World.LockA)", "spin_unlock(ref World.LockA)", ["A"]),
        new("spin_lock_irqsave(ref World.LockA, out nuint {flags})", "spin_unlock_irqrestore(ref World.LockA, {flags})", ["A", "irq"]),
        new("spin_lock(ref World.LockB)", "spin_unlock(ref World.LockB)", ["B"]),
        new("spin_lock_bh(ref World.LockB)", "spin_unlock_bh(ref World.LockB)", ["B", "irq"]),
        new("spin_lock_irq(ref World.LockA)", "spin_unlock_irq(ref World.LockA)", ["A", "irq"]),
        new("read_lock(ref World.ReadWrite)", "read_unlock(ref World.ReadWrite)", ["rw"]),
        new("write_lock_irqsave(ref World.ReadWrite, out nuint {flags})", "write_unlock_irqrestore(ref World.ReadWrite, {flags})", ["rw", "irq"]),
        new("rcu_read_lock()", "rcu_read_unlock()", ["rcu"]),
        new("preempt_disable()", "preempt_enable()", ["preempt"]),
        new("local_irq_save(out nuint {flags})", "local_irq_restore({flags})", ["irq"]),
        new("local_bh_disable()", "local_bh_enable()", ["irq"]),
        new("spin_lock(ref {gate}.Lock)", "spin_unlock(ref {gate}.Lock)", ["gate"]),
        new("spin_lock_irqsave(ref {gate}.Lock, out nuint {flags})", "spin_unlock_irqrestore(ref {gate}.Lock, {flags})", ["gate", "irq"]),
        new("read_lock_irqsave(ref World.ReadWrite, out nuint {flags})", "read_unlock_irqrestore(ref World.ReadWrite, {flags})", ["rw", "irq"]),
        new("write_lock(ref World.ReadWrite)", "write_unlock(ref World.ReadWrite)", ["rw"]),
        new("local_irq_disable()", "local_irq_enable()", ["irq"]),
        new("mutex_lock(ref World.Mutex)", "mutex_unlock(ref World.Mutex)", ["mutex"], IsAtomic: false),
    ];

    private void Section(Frame frame)
    {
        if (!frame.IsAtomic && frame.Depth > 0 && !frame.Held.Contains("handler") && frame.Held.Count == 0 && _dice.Chance(15))
        {
            Handler(frame);
            return;
        }

        // After a lock was not left, nothing may enable interrupts for good: it would hide that they are off.
        SectionForm[] free = [.. s_sections.Where(form => !form.Needs.Any(frame.Held.Contains) && (form.IsAtomic || !frame.IsAtomic) && (_marked.Count == 0 || !(form.Enter.Contains("_irq(", StringComparison.Ordinal) || form.Enter.StartsWith("local_irq_disable", StringComparison.Ordinal))))];
        if (free.Length == 0) return;
        SectionForm section = _dice.Pick(free);
        int entity = NewEntity();
        string flags = Name("flags"), gate = Name("gate");
        string enter = section.Enter.Replace("{flags}", flags).Replace("{gate}", gate), leave = section.Leave.Replace("{flags}", flags).Replace("{gate}", gate);
        Feature(section.IsAtomic ? "atomic section" : "mutex");
        if (section.IsOfObject) frame.Code.Add($"var {gate} = new Gate();");
        int shape = _dice.Weighted(8, 2, 2, 2);
        if (shape > 0 && Enclosed(frame, section, shape, enter, leave, entity)) return;
        bool tries = section.Enter.StartsWith("spin_lock(", StringComparison.Ordinal) && _dice.Chance(20);
        bool wrapped = frame.Depth > 0 && !section.HasFlags && !section.IsOfObject && !tries && _dice.Chance(25);
        if (wrapped)
        {
            Feature("lock helper");
            bool byRef = enter.Contains("ref World.Lock", StringComparison.Ordinal) && _dice.Chance(50);
            string place = byRef ? enter[enter.IndexOf("ref ", StringComparison.Ordinal)..enter.IndexOf(')')] : "", parameter = byRef ? "ref spinlock_t gate" : "";
            string enterInside = byRef ? enter.Replace(place, "ref gate") : enter, leaveInside = byRef ? leave.Replace(place, "ref gate") : leave;
            string name = Helper($"private static void {{0}}({parameter})", "Enter", helper => helper.Code.Add(enterInside + ";", entity), frame);
            string other = Helper($"private static void {{0}}({parameter})", "Exit", helper => helper.Code.Add(leaveInside + ";", entity), frame);
            frame.Code.Add($"{name}({place});", entity);
            leave = $"{other}({place})";
        }
        else if (tries)
        {
            Feature("trylock");
            LeaveIf(frame, "!" + enter.Replace("spin_lock(", "spin_trylock("), false, entity);
        }
        else
        {
            // Who takes a lock again that was not left waits for itself.
            frame.Code.Add(enter + ";", [entity, .. frame.Code.Lost]);
        }

        bool wasAtomic = frame.IsAtomic;
        foreach (string need in section.Needs) frame.Held.Add(need);
        frame.IsAtomic |= section.IsAtomic;
        frame.Open.Add(new Obligation(entity, () => Unlock(frame, leave, entity)) { IsSection = true, WasAtomic = wasAtomic, Needs = section.Needs });
        if (_dice.Chance(30)) Sleep(frame);
        if (!_dice.Chance(70)) return;
        int open = frame.Open.Count;
        Block(frame);
        Close(frame, open - 1, frame.Live.Count);
    }

    /// <summary>A section that a finally block, the end of a scope, or the condition it was entered under leaves.</summary>
    private bool Enclosed(Frame frame, SectionForm section, int shape, string enter, string leave, int entity)
    {
        bool wasAtomic = frame.IsAtomic;
        string? end = null;
        Action undo = () => { };
        // Who returns gives back what is open before the section ends.
        if (shape < 3 && section.IsAtomic && frame.Open.Exists(other => other.Resource is { Family.Sleeps: true })) return false;
        switch (shape)
        {
            case 1:
                Feature("section left in finally");
                frame.Code.Add(enter + ";", [entity, .. frame.Code.Lost]);
                frame.Code.Add("try");
                frame.Code.Add("{");
                break;
            case 2 when !section.HasFlags && !section.IsOfObject:
                Feature("section left by using");
                string guard = Name("Guard");
                Code code = Class($"private readonly ref struct {guard} : IDisposable");
                Method(code, $"public {guard}(bool really)", body => body.Code.Add($"if (really) {enter};", entity));
                Method(code, "public void Dispose()", body => body.Code.Add(leave + ";", entity));
                code.Add("}");
                bool forgets = Here(Defect.UnlockedExit, entity);
                if (forgets) frame.Code.Add($"var {Name("guard")} = new {guard}(true);", entity);
                else frame.Code.Add($"using (new {guard}(true))", [entity, .. frame.Code.Lost]);
                frame.Code.Add("{", entity);
                if (forgets) frame.Code.Lost.Add(entity);
                end = "}";
                break;
            case 3 when !section.HasFlags && Condition() is { } condition:
                Feature("section by condition");
                string really = Name("locks");
                frame.Code.Add($"bool {really} = {condition};");
                frame.Code.Add($"if ({really}) {enter};", [entity, .. frame.Code.Lost]);
                undo = () => Unlock(frame, $"if ({really}) {leave}", entity);
                break;
            default:
                return false;
        }

        foreach (string need in section.Needs) frame.Held.Add(need);
        frame.IsAtomic |= section.IsAtomic;
        frame.Open.Add(new Obligation(entity, undo)
        {
            IsSection = true,
            WasAtomic = wasAtomic,
            Needs = section.Needs,
            IsAutomatic = shape < 3,
            AtEnd = shape != 1 ? null : () =>
            {
                frame.Code.Add("}");
                frame.Code.Add("finally");
                frame.Code.Add("{");
                Unlock(frame, leave, entity);
                frame.Code.Add("}", entity);
            },
            Closing = end is null ? [] : [end],
        });
        int open = frame.Open.Count;
        if (_dice.Chance(30)) Sleep(frame);
        Block(frame);
        Close(frame, open - 1, frame.Live.Count);
        return true;
    }

    private void Unlock(Frame frame, string leave, int entity)
    {
        if (Here(Defect.UnlockedExit, entity))
        {
            Feature("not unlocked");
            frame.Code.Lost.Add(entity);
            frame.Code.Add("World.Count++;", entity);
            return;
        }

        _unlocked.Add(entity);
        frame.Code.Add(leave + ";", entity);
    }

    /// <summary>A call that sleeps, where that is allowed; in atomic context a call that looks as if it did.</summary>
    private void Sleep(Frame frame)
    {
        int entity = NewEntity();
        bool wrong = frame.IsAtomic && Here(Defect.SleepInAtomic, entity);
        Dice dice = wrong ? _details : _dice;
        if (frame.IsAtomic && !wrong)
        {
            if (frame.Depth > 0 && _dice.Chance(60)) SleepUnless(frame, "true", entity, _dice);
            return;
        }

        switch (frame.Depth > 0 ? dice.Weighted(3, 3, 2, 4) : 0)
        {
            case 3:
                SleepIndirectly(frame, entity, dice);
                break;
            case 1:
                Feature("helper sleeps");
                frame.Code.Add($"{Helper("private static void {0}()", "Wait", wait => Sleeper(wait, entity, dice), frame)}();", entity);
                break;
            case 2:
                SleepUnless(frame, "false", entity, dice);
                break;
            default:
                frame.Code.Add(SleepingCall(dice), entity);
                break;
        }
    }

    /// <summary>The function that sleeps is called by another name.</summary>
    private void SleepIndirectly(Frame frame, int entity, Dice dice)
    {
        string k = Name("wait"), call = SleepingCall(dice);
        switch (dice.Next(7))
        {
            case 0:
                Feature("delegate");
                frame.Code.Add($"Action {k} = () => {{ {call} }};", entity);
                frame.Code.Add($"{k}();", entity);
                break;
            case 1:
                Feature("function pointer");
                string target = Helper("private static void {0}()", "Wait", wait => wait.Code.Add(call, entity), frame);
                frame.Code.Add($"delegate*<void> {k} = &{target};", entity);
                frame.Code.Add($"{k}();", entity);
                break;
            case 2:
                Feature("interface");
                string contract = Name("IWaiter"), name = Name("Waiter");
                _fields.Add($"private interface {contract} {{ void Wait(); }}");
                Code code = Class($"private sealed class {name} : {contract}");
                Method(code, "public void Wait()", wait => wait.Code.Add(call, entity));
                code.Add("}");
                frame.Code.Add($"{contract} {k} = new {name}();", entity);
                frame.Code.Add($"{k}.Wait();", entity);
                break;
            case 3:
                Feature("local function");
                frame.Code.Add($"void {k}() {{ {call} }}", entity);
                frame.Code.Add($"{k}();", entity);
                break;
            case 4:
                Feature("flags passed");
                frame.Code.Add($"{Helper("private static void {0}(gfp_t flags)", "Wait", wait => wait.Code.Add("kfree(kmalloc(16, flags));", entity), frame)}(GFP_KERNEL);", entity);
                break;
            case 5:
                Feature("flags in an object");
                string settings = Name("Settings");
                _fields.Add($"private sealed class {settings} {{ public gfp_t Flags = GFP_ATOMIC; }}");
                frame.Code.Add($"var {k} = new {settings} {{ Flags = GFP_KERNEL }};", entity);
                frame.Code.Add($"{Helper($"private static void {{0}}({settings} settings)", "Wait", wait => wait.Code.Add("kfree(kmalloc(16, settings.Flags));", entity), frame)}({k});", entity);
                break;
            default:
                Feature("property");
                string place = Name("Now");
                _fields.Add($"private static int {place} {{ get {{ {call} return 1; }} }}");
                frame.Code.Add($"World.Count += {place};", entity);
                break;
        }
    }

    private static string SleepingCall(Dice dice) => dice.Pick(["msleep(1);", "might_sleep();", "cond_resched();", "kfree(kmalloc(16, GFP_KERNEL));", "vfree(vmalloc(4096));"]);

    private void Sleeper(Frame helper, int entity, Dice dice)
    {
        if (helper.Depth > 0 && dice.Next(3) == 1)
        {
            Feature("sleeping chain");
            string next = Helper("private static void {0}()", "Wait", wait => Sleeper(wait, entity, dice), helper);
            helper.Code.Add($"{next}();", entity);
            return;
        }

        helper.Code.Add(SleepingCall(dice), entity);
    }

    /// <summary>A function that sleeps if its argument allows it.</summary>
    private void SleepUnless(Frame frame, string atomic, int entity, Dice dice)
    {
        Feature("sleeps by argument");
        string name = Helper("private static void {0}(bool atomic)", "Wait", wait =>
        {
            wait.Code.Add("if (!atomic)");
            wait.Code.Add("{");
            wait.Code.Add(SleepingCall(dice), entity);
            wait.Code.Add("}");
        }, frame);
        frame.Code.Add($"{name}({atomic});", entity);
    }

    /// <summary>An interrupt handler with a block of its own.</summary>
    private void Handler(Frame frame)
    {
        Feature("interrupt handler");
        if (!_fields.Contains("private static int s_input;")) _fields.Add("private static int s_input;");
        string name = Name("Handle");
        var handler = new Frame("return IRQ_HANDLED;", true, frame.Depth - 1, ["handler", "A", "B", "rw", "irq", "mutex"]);
        _members.Add(handler.Code);
        handler.Code.Add($"private static irqreturn_t {name}(int irq, void* dev)");
        handler.Code.Add("{");
        handler.Code.Add("int input = s_input;");
        if (_dice.Chance(60)) Sleep(handler);
        Block(handler);
        Finish(handler, "return IRQ_HANDLED;");
        handler.Code.Add("}");
        frame.Code.Add("s_input = input;");
        frame.Code.Add($"if (request_irq(7, &{name}, 0, \"differential\", null) == 0)");
        frame.Code.Add("{");
        frame.Code.Add("raise_irq(7);");
        frame.Code.Add("free_irq(7, null);");
        frame.Code.Add("}");
    }
}
