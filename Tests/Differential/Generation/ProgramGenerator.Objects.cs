// Objects that own memory.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>A class whose Dispose frees.</summary>
    private string Owner(Resource resource)
    {
        string name = Name("Owner");
        Code code = Class($"private sealed class {name}({resource.Family.Type} item) : IDisposable");
        Method(code, "public void Dispose()", dispose => Release(dispose, resource.SeenAs("item", resource.OrderText)));
        code.Add("}");
        return name;
    }

    /// <summary>An object that allocates in one method and frees in another.</summary>
    private void Device(Frame frame, Resource resource)
    {
        Feature("object with methods");
        Family family = resource.Family;
        int entity = resource.Entity;
        string name = Name("Device"), device = Name("device");
        string flags = Flags(frame, family, entity), template = _dice.Pick(family.Allocate);
        bool clears = _dice.Chance(50), disposes = !frame.HasLabels && _dice.Chance(30);
        Code code = Class($"private sealed class {name} : IDisposable");
        code.Add($"internal {family.Type} item;");
        code.Add("");
        Method(code, "internal bool Open()", open =>
        {
            open.Code.Add($"item = {Allocation(resource, template, flags)};", entity);
            open.Code.Add(family.MayFail ? $"return item != {family.Null};" : "return true;", entity);
        });
        code.Add("");
        Method(code, "internal void Close()", close =>
        {
            Resource own = resource.SeenAs("item", resource.OrderText);
            // A using declaration closes what could not be opened, too.
            own.MayBeNull = disposes && family.MayFail;
            Release(close, own);
            if (clears) close.Code.Add($"item = {family.Null};", entity);
        });
        code.Add("");
        Method(code, "public void Dispose()", dispose => dispose.Code.Add("Close();", entity));
        code.Add("}");

        frame.Code.Add($"{(disposes ? "using " : "")}var {device} = new {name}();", entity);
        LeaveIf(frame, $"!{device}.Open()", family.MayFail, entity);
        resource.Aliases.Clear();
        resource.Variables.Clear();
        resource.Aliases.Add(device + ".item");
        frame.Open.Add(new Obligation(entity, () => CloseDevice(frame, resource, device, clears)) { Resource = resource, IsAutomatic = disposes });
    }

    private void CloseDevice(Frame frame, Resource resource, string device, bool clears)
    {
        int entity = resource.Entity;
        if (Here(Defect.Leak, entity))
        {
            Feature("not closed");
            frame.Code.Lost.Add(entity);
            frame.Code.Add("World.Count++;", entity);
            return;
        }

        frame.Code.Add($"{device}.{_dice.Pick(["Close", "Dispose"])}();", entity);
        if (clears) return;
        if (Here(Defect.DoubleFree, entity))
        {
            Feature("closed twice");
            frame.Code.Add($"{device}.Close();", entity);
        }
        else if (Here(Defect.UseAfterFree, entity))
        {
            Feature("used after closed");
            Use(frame, resource, _details);
        }
    }

    private Code Class(string head)
    {
        var code = new Code();
        _members.Add(code);
        code.Add(head);
        code.Add("{");
        return code;
    }

    /// <summary>A method of a class; it knows no input.</summary>
    private static void Method(Code code, string head, Action<Frame> body)
    {
        var frame = new Frame("return;", false, 0, []) { HasInput = false };
        code.Add(head);
        code.Add("{");
        body(frame);
        foreach (Line line in frame.Code.Lines) code.Add(line.Text.Trim(), line.About);
        code.Add("}", [.. frame.Code.Lost]);
    }
}
