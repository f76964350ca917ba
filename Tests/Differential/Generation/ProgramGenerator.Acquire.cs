// How a pointer is had, what it is kept in, and how its lifetime is tied to the block.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    private void Lifetime(Frame frame)
    {
        if (_lifetimes >= MaximalLifetimes) return;
        _lifetimes++;
        Family family = PickFamily(frame);
        int entity = NewEntity();
        int order = family.HasOrder ? _dice.Next(4) : 0;
        var resource = new Resource(entity, family) { Order = order, OrderText = family.HasOrder ? OrderText(order) : "0" };
        Feature(family.Name);
        string name = Name("p");
        resource.Aliases.Add(name);
        resource.Variables.Add(name);
        bool labelled = frame.HasLabels && frame.Nesting <= 1;
        if (!labelled && frame.Depth > 0 && _dice.Chance(12))
        {
            Device(frame, resource);
            frame.Live.Add(resource);
            return;
        }

        int form = labelled ? 3 : _dice.Weighted(6, 2, 2, 0, 2);
        if (form == 4 && !BeginConditional(frame, resource, name)) form = 0;
        if (form != 4) Acquire(frame, resource, name);
        if (form is 0 or 3) Carry(frame, resource);
        frame.Live.Add(resource);
        switch (form)
        {
            case 1:
                Feature("finally");
                frame.Code.Add("try");
                frame.Code.Add("{");
                frame.Open.Add(new Obligation(entity, () => { })
                {
                    Resource = resource,
                    IsAutomatic = true,
                    AtEnd = () =>
                    {
                        frame.Code.Add("}");
                        frame.Code.Add("finally");
                        frame.Code.Add("{");
                        Release(frame, resource);
                        frame.Code.Add("}", entity);
                    },
                });
                break;
            case 2:
                Feature("using");
                string use = $"var {Name("owner")} = new {Owner(resource)}({name})";
                // No goto may pass a using declaration.
                bool declares = !frame.HasLabels && _dice.Chance(50);
                frame.Code.Add(declares ? $"using {use};" : $"using ({use})", entity);
                if (!declares) frame.Code.Add("{");
                frame.Open.Add(new Obligation(entity, () => { }) { Resource = resource, IsAutomatic = true, Closing = declares ? [] : ["}"] });
                break;
            case 3:
                frame.Open.Add(new Obligation(entity, () => Release(frame, resource)) { Resource = resource, Label = Name("out") });
                break;
            default:
                frame.Open.Add(new Obligation(entity, () => Release(frame, resource)) { Resource = resource, AtEnd = frame.Depth > 0 && form == 0 && _dice.Chance(20) ? () => Consume(frame, resource) : null });
                break;
        }
    }

    private Family PickFamily(Frame frame)
    {
        // kmalloc is what programs use most.
        Family family = _dice.Chance(70) ? _dice.Pick(Family.All) : Family.All[0];
        return frame.IsAtomic && family.Sleeps ? Family.All[0] : family;
    }

    private string OrderText(int order)
    {
        switch (_dice.Next(3))
        {
            case 0:
                return order.ToString();
            case 1:
                string constant = Name("Order");
                _fields.Add($"private const int {constant} = {order};");
                return constant;
            default:
                return $"{order / 2} + {order - (order / 2)}";
        }
    }

    /// <summary>Flags that suit the context, or, by mistake, do not.</summary>
    private string Flags(Frame frame, Family family, int entity, bool mayBeVariable = false)
    {
        bool takesFlags = family.Allocate[0].Contains("{gfp}", StringComparison.Ordinal);
        if (!frame.IsAtomic) return _dice.Pick(["GFP_KERNEL", "GFP_KERNEL", "GFP_KERNEL | __GFP_ZERO", "GFP_NOIO", "GFP_ATOMIC"]);
        string right = _dice.Pick(["GFP_ATOMIC", "GFP_NOWAIT", "GFP_ATOMIC | __GFP_ZERO"]);
        if (!takesFlags) return right;
        bool wrong = Here(Defect.SleepInAtomic, entity);
        if (mayBeVariable && _dice.Chance(30))
        {
            Feature("flags by condition");
            string atomic = Name("atomic"), flags = Name("gfp");
            frame.Code.Add($"bool {atomic} = {(wrong ? "false" : "true")};", entity);
            frame.Code.Add($"gfp_t {flags} = {atomic} ? GFP_ATOMIC : GFP_KERNEL;", entity);
            return flags;
        }

        return wrong ? _details.Pick(["GFP_KERNEL", "GFP_KERNEL | __GFP_ZERO", "GFP_NOIO"]) : right;
    }

    private static string Allocation(Resource resource, string template, string flags) => template.Replace("{gfp}", flags).Replace("{order}", resource.OrderText);

    /// <summary>Declares the variable and puts a new pointer in it; leaves the function if there is none.</summary>
    private void Acquire(Frame frame, Resource resource, string name)
    {
        Family family = resource.Family;
        string template = _dice.Pick(family.Allocate);
        int first = _entities;
        int form = frame.Depth > 0 ? _dice.Weighted(5, 3, 2, 2, 1, 1, 2, 1, 9) : 0;
        string flags = Flags(frame, family, resource.Entity, mayBeVariable: form is 0 or 4 or 7);
        switch (form)
        {
            case 1:
                Feature("returned");
                string factory = Factory(frame, resource, template, ref flags);
                ShowLater(frame, Since(first));
                frame.Code.Add($"{family.Type} {name} = {factory}({Arguments("input", flags)});", [resource.Entity, .. Since(first)]);
                CheckNull(frame, resource, name, _lastFailed);
                break;
            case 2:
                Feature("out");
                string outFactory = OutFactory(frame, resource, template, ref flags);
                ShowLater(frame, Since(first));
                LeaveIf(frame, $"{outFactory}({Arguments("input", flags)}, out {family.Type} {name}) != 0", family.MayFail || _lastFailed, [resource.Entity, .. Since(first)]);
                break;
            case 3:
                Feature("filled struct");
                string box = Name("box");
                frame.Code.Add($"Box {box} = default;", resource.Entity);
                string fill = BoxFactory(frame, resource, template, ref flags);
                LeaveIf(frame, $"!{fill}({Arguments("ref " + box, flags)})", family.MayFail, resource.Entity);
                frame.Code.Add($"{family.Type} {name} = {box}.{family.Field};", resource.Entity);
                break;
            case 6:
                Feature("returned struct");
                string given = Name("box");
                string makeBox = Helper("private static Box {0}()", "Make", helper =>
                {
                    string made = Name("made");
                    helper.Code.Add($"Box {made} = default;");
                    helper.Code.Add($"{made}.{family.Field} = {Allocation(resource, template, flags)};", resource.Entity);
                    helper.Code.Add($"return {made};", resource.Entity);
                }, frame);
                frame.Code.Add($"Box {given} = {makeBox}();", resource.Entity);
                frame.Code.Add($"{family.Type} {name} = {given}.{family.Field};", resource.Entity);
                CheckNull(frame, resource, name);
                break;
            case 7 when Condition() is { } either:
                Feature("conditional expression");
                frame.Code.Add($"{family.Type} {name} = {either} ? {Allocation(resource, template, flags)} : {Allocation(resource, family.Allocate[^1], flags)};", resource.Entity);
                CheckNull(frame, resource, name);
                break;
            case 4:
                Feature("lambda source");
                string source = Name("Source");
                _fields.Add($"private delegate {family.Type} {source}();");
                frame.Code.Add($"{source} {Name("make")} = () => {Allocation(resource, template, flags)};", resource.Entity);
                frame.Code.Add($"{family.Type} {name} = make{_names}();", resource.Entity);
                CheckNull(frame, resource, name);
                break;
            case 5:
                Feature("function pointer source");
                string target = Helper($"private static {family.Type} {{0}}()", "Make", helper => helper.Code.Add($"return {Allocation(resource, template, flags)};", resource.Entity), frame);
                string pointer = Name("make");
                frame.Code.Add($"delegate*<{family.Type}> {pointer} = &{target};", resource.Entity);
                frame.Code.Add($"{family.Type} {name} = {pointer}();", resource.Entity);
                CheckNull(frame, resource, name);
                break;
            case 8:
                AcquireFurther(frame, resource, name, template, flags);
                break;
            default:
                frame.Code.Add($"{family.Type} {name} = {Allocation(resource, template, flags)};", resource.Entity);
                CheckNull(frame, resource, name);
                break;
        }

        if (resource.Family.MayFail && Here(Defect.Leak, resource.Entity))
        {
            Feature("overwritten");
            frame.Code.Lost.Add(resource.Entity);
            frame.Code.Add($"{name} = {Allocation(resource, template, flags.Contains("GFP", StringComparison.Ordinal) ? flags : frame.IsAtomic ? "GFP_ATOMIC" : "GFP_KERNEL")};", resource.Entity);
            CheckNull(frame, resource, name);
        }
        else if (family.Name == "kmalloc" && _dice.Chance(15))
        {
            Reallocate(frame, resource, name);
        }
    }

    /// <summary>Makes the memory larger: where that fails the old memory is still owned.</summary>
    private void Reallocate(Frame frame, Resource resource, string name)
    {
        Feature("reallocated");
        if (Here(Defect.Leak, resource.Entity))
        {
            // Where that fails the only pointer to the old memory is gone.
            Feature("reallocated in place");
            frame.Code.Add($"{name} = (Thing*)krealloc({name}, 128, {(frame.IsAtomic ? "GFP_ATOMIC" : "GFP_KERNEL")});", resource.Entity);
            CheckNull(frame, resource, name);
            return;
        }

        string larger = Name("larger");
        frame.Code.Add($"Thing* {larger} = (Thing*)krealloc({name}, 128, {(frame.IsAtomic ? "GFP_ATOMIC" : "GFP_KERNEL")});", resource.Entity);
        frame.Code.Add($"if ({larger} == null)", resource.Entity);
        frame.Code.Add("{");
        frame.Open.Add(new Obligation(resource.Entity, () => Release(frame, resource)) { Resource = resource });
        Leave(frame);
        frame.Open.RemoveAt(frame.Open.Count - 1);
        frame.Code.Add("}");
        if (Here(Defect.UseAfterFree, resource.Entity))
        {
            Feature("used after reallocated");
            Use(frame, resource, _details);
        }

        frame.Code.Add($"{name} = {larger};", resource.Entity);
    }

    private static string Arguments(string first, string second) => second.Length == 0 ? first : first + ", " + second;

    private void CheckNull(Frame frame, Resource resource, string name, bool factoryFails = false)
    {
        if (!resource.Family.MayFail && !factoryFails) return;
        string zero = resource.Family.Null;
        string test = _dice.Next(4) switch { 0 => $"{name} == {zero}", 1 => $"{zero} == {name}", 2 => $"!({name} != {zero})", _ => $"{name} is {zero}" };
        LeaveIf(frame, test, true, resource.Entity);
    }

    /// <summary>Allocated only if a bit is set; given back under the same condition, or if it is not null.</summary>
    private bool BeginConditional(Frame frame, Resource resource, string name)
    {
        if (Condition() is not { } condition) return false;
        Feature("conditional");
        string guard = condition, chosen = Name("wanted");
        switch (_dice.Weighted(4, 4, 1, 1, 1, 1))
        {
            case 1:
                guard = chosen;
                frame.Code.Add($"bool {chosen} = {condition};");
                break;
            case 2:
                Feature("mode");
                frame.Code.Add($"int {chosen} = {condition} ? 2 : 1;");
                guard = $"{chosen} == 2";
                break;
            case 3:
                Feature("mode");
                frame.Code.Add($"int? {chosen} = {condition} ? 7 : null;");
                guard = $"{chosen}.HasValue";
                break;
            case 4:
                Feature("mode");
                frame.Code.Add($"string {chosen} = {condition} ? \"yes\" : null;");
                guard = $"{chosen} != null";
                break;
            case 5:
                Feature("mode");
                frame.Code.Add($"Mode {chosen} = {condition} ? Mode.Bit1 | Mode.Bit0 : Mode.Bit0;");
                guard = $"({chosen} & Mode.Bit1) != 0";
                break;
        }

        frame.Code.Add($"{resource.Family.Type} {name} = {resource.Family.Null};", resource.Entity);
        frame.Code.Add($"if ({guard})");
        frame.Code.Add("{");
        frame.Code.Add($"{name} = {Allocation(resource, _dice.Pick(resource.Family.Allocate), Flags(frame, resource.Family, resource.Entity))};", resource.Entity);
        CheckNull(frame, resource, name);
        frame.Code.Add("}");
        // Each deallocator takes null.
        resource.Guard = _dice.Next(3) switch { 0 => guard, 1 => $"{name} != {resource.Family.Null}", _ => null };
        resource.MayBeNull = true;
        return true;
    }
}
