// Further functions: factories that hand a pointer to their caller, and steps of the work with blocks of their own.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>Whether the function written last can fail other than for want of memory.</summary>
    private bool _lastFailed;

    /// <summary>Writes a function that runs in the context of its caller.</summary>
    /// <param name="signature">Its head; {0} is the name.</param>
    /// <param name="stem">The name's beginning.</param>
    /// <param name="body">Writes the body.</param>
    /// <param name="caller">The function that calls it.</param>
    /// <param name="fail">How it leaves after an error.</param>
    /// <returns>Its name.</returns>
    private string Helper(string signature, string stem, Action<Frame> body, Frame caller, string fail = "return;")
    {
        string name = Name(stem);
        var frame = new Frame(fail, caller.IsAtomic, caller.Depth - 1, caller.Held);
        _members.Add(frame.Code);
        frame.Code.Add(string.Format(signature, name));
        frame.Code.Add("{");
        body(frame);
        frame.Code.Add("}");
        _lastFailed = frame.HasFailed;
        return name;
    }

    /// <summary>Decides whether the flags come from the caller.</summary>
    /// <param name="template">The allocating call.</param>
    /// <param name="flags">In: the flags. Out: the argument, or nothing.</param>
    /// <returns>The flags inside, and the parameter.</returns>
    private (string Inside, string Parameter) PassFlags(string template, ref string flags)
    {
        if (!template.Contains("{gfp}", StringComparison.Ordinal) || !_dice.Chance(50))
        {
            string inside = flags;
            flags = "";
            return (inside, "");
        }

        Feature("flags passed");
        return ("flags", ", gfp_t flags");
    }

    private string Factory(Frame frame, Resource resource, string template, ref string flags)
    {
        (string inside, string parameter) = PassFlags(template, ref flags);
        string type = resource.Family.Type;
        return Helper($"private static {type} {{0}}(int input{parameter})", "Make", make => Make(make, resource, Allocation(resource, template, inside), parameter), frame, $"return {resource.Family.Null};");
    }

    private void Make(Frame make, Resource resource, string allocation, string parameter)
    {
        Family family = resource.Family;
        int form = _dice.Weighted(4, 3, make.Depth > 0 ? 2 : 0);
        if (form == 2)
        {
            Feature("factory chain");
            int first = _entities;
            string next = Helper($"private static {family.Type} {{0}}(int input{parameter})", "Make", inner => Make(inner, resource, allocation, parameter), make, make.Fail);
            make.HasFailed |= _lastFailed;
            make.Code.Add($"return {next}(input{(parameter.Length > 0 ? ", flags" : "")});", [resource.Entity, .. Since(first)]);
        }
        else if (form == 1)
        {
            Feature("factory with steps");
            MakeInSteps(make, resource, allocation);
            make.Code.Add("return item;", resource.Entity);
        }
        else
        {
            make.Code.Add($"return {allocation};", resource.Entity);
        }
    }

    /// <summary>Allocates into item, works on it, gives it back where that fails.</summary>
    private void MakeInSteps(Frame make, Resource resource, string allocation)
    {
        Resource own = resource.SeenAs("item", resource.OrderText);
        make.Code.Add($"{resource.Family.Type} item = {allocation};", resource.Entity);
        CheckNull(make, own, "item");
        make.Open.Add(new Obligation(resource.Entity, () => Release(make, own)) { Resource = own });
        make.Live.Add(own);
        Block(make);
        Close(make, 1, 1);
        make.Open.Clear();
        make.Live.Clear();
    }

    private string OutFactory(Frame frame, Resource resource, string template, ref string flags)
    {
        (string inside, string parameter) = PassFlags(template, ref flags);
        Family family = resource.Family;
        string allocation = Allocation(resource, template, inside);
        return Helper($"private static int {{0}}(int input{parameter}, out {family.Type} result)", "Make", make =>
        {
            if (_dice.Chance(50))
            {
                make.Code.Add($"result = {allocation};", resource.Entity);
                make.Code.Add(family.MayFail ? $"return result == {family.Null} ? -ENOMEM : 0;" : "return 0;", resource.Entity);
                return;
            }

            Feature("factory with steps");
            make.Code.Add($"result = {family.Null};");
            MakeInSteps(make, resource, allocation);
            make.Code.Add("result = item;", resource.Entity);
            make.Code.Add("return 0;", resource.Entity);
        }, frame, "return -EIO;");
    }

    private string BoxFactory(Frame frame, Resource resource, string template, ref string flags)
    {
        (string inside, string parameter) = PassFlags(template, ref flags);
        Family family = resource.Family;
        string allocation = Allocation(resource, template, inside);
        return Helper($"private static bool {{0}}(ref Box box{parameter})", "Fill", fill =>
        {
            fill.Code.Add("box.tag = 1;");
            fill.Code.Add($"box.{family.Field} = {allocation};", resource.Entity);
            fill.Code.Add(family.MayFail ? $"return box.{family.Field} != {family.Null};" : "return true;", resource.Entity);
        }, frame);
    }

    /// <summary>What functions written since then are about: a call of them may be where it becomes known.</summary>
    private IEnumerable<int> Since(int entity) => Enumerable.Range(entity + 1, _entities - entity);

    /// <summary>A lock that a function called here forgot is still held on each way out from here on: there the caller hears of it.</summary>
    private void ShowLater(Frame frame, IEnumerable<int> entities)
    {
        if (_defect == Defect.UnlockedExit) frame.Code.Lost.UnionWith(entities.Where(_marked.Contains));
    }

    /// <summary>A part of the work in a function of its own, which may fail and may use what the caller has.</summary>
    private void Call(Frame frame)
    {
        if (frame.Depth == 0) return;
        Feature("called step");
        List<Resource> lent = frame.Live.FindAll(resource => !resource.MayBeNull && _dice.Chance(50));
        string parameters = string.Concat(lent.Select((resource, i) => $", {resource.Family.Type} lent{i}"));
        string arguments = string.Concat(lent.Select(resource => ", " + _dice.Pick(resource.Aliases)));
        int[] about = [.. lent.Select(resource => resource.Entity)];
        bool mayFail = _dice.Chance(60), throws = mayFail && _dice.Chance(20);
        int first = _entities;
        string name = Helper($"private static {(mayFail ? "int" : "void")} {{0}}(int input{parameters})", "Step", step =>
        {
            for (int i = 0; i < lent.Count; i++) step.Live.Add(lent[i].SeenAs("lent" + i, lent[i].OrderText));
            Block(step);
            Finish(step, mayFail ? "return 0;" : null);
        }, frame, throws ? "throw new InvalidOperationException();" : mayFail ? "return -EINVAL;" : "return;");
        // What went wrong inside may be known only here: a lock left taken, a sleep in the caller's section.
        about = [.. about, .. Since(first)];
        ShowLater(frame, Since(first));
        if (!mayFail)
        {
            frame.Code.Add($"{name}(input{arguments});", about);
            return;
        }

        if (throws)
        {
            Feature("exception");
            bool canHappen = _lastFailed;
            frame.Code.Add("try");
            frame.Code.Add("{");
            frame.Code.Add($"{name}(input{arguments});", about);
            frame.Code.Add("}");
            frame.Code.Add(_dice.Next(2) == 0 ? "catch (InvalidOperationException)" : "catch", about);
            frame.Code.Add("{");
            LeaveHere(frame, canHappen);
            frame.Code.Add("}");
            return;
        }

        string call = $"{name}(input{arguments})", error = Name("error");
        switch (_dice.Next(5))
        {
            case 1:
                frame.Code.Add($"int {error} = {call};", about);
                LeaveIf(frame, $"{error} < 0", _lastFailed, about);
                break;
            case 2:
                LeaveIf(frame, $"{call} is not 0", _lastFailed, about);
                break;
            case 3:
                frame.Code.Add($"bool {error} = {call} == 0;", about);
                LeaveIf(frame, $"!{error}", _lastFailed, about);
                break;
            case 4:
                LeaveIf(frame, $"{call} is var {error} && {error} != 0", _lastFailed, about);
                break;
            default:
                LeaveIf(frame, $"{call} != 0", _lastFailed, about);
                break;
        }
    }
}
