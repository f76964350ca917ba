// How a pointer is given back, and every way to get that wrong.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>Gives the pointer back; here most opportunities lie.</summary>
    private void Release(Frame frame, Resource resource)
    {
        int entity = resource.Entity;
        Family family = resource.Family;
        if (!resource.IsShared && Here(Defect.Leak, entity))
        {
            Feature("not freed");
            frame.Code.Lost.Add(entity);
            frame.Code.Add("World.Count++;", entity);
            return;
        }

        if (resource.Guard is { } guard)
        {
            frame.Code.Add($"if ({guard})", entity);
            frame.Code.Add("{");
        }

        if (Here(Defect.WrongDeallocator, entity)) Free(frame, resource, _details.Pick(family.FreeWrongly), _details);
        else if (family.HasOrder && Here(Defect.OrderMismatch, entity)) FreeWithOtherOrder(frame, resource);
        else if (Here(Defect.DoubleFree, entity)) FreeTwice(frame, resource);
        else if ((resource.Guard is not null || !resource.MayBeNull) && Here(Defect.UseAfterFree, entity)) FreeAndUse(frame, resource);
        else Free(frame, resource, _dice.Pick(family.Free), _dice);
        if (resource.Guard is not null) frame.Code.Add("}");
    }

    private void FreeWithOtherOrder(Frame frame, Resource resource)
    {
        string template = resource.Family.Free[0];
        string other = _details.Next(3) switch
        {
            0 => $"{resource.OrderText} + 1",
            1 => resource.Order > 0 ? $"{resource.OrderText} - 1" : "1",
            _ => (resource.Order == 0 ? 2 : 0).ToString(),
        };
        Free(frame, resource, template.Replace("{order}", other), _details);
    }

    private void FreeTwice(Frame frame, Resource resource)
    {
        string free = resource.Family.Free[0];
        switch (_details.Next(4))
        {
            case 1 when frame.HasInput && Condition(reserve: true) is { } condition:
                Feature("freed on a branch before");
                frame.Code.Add($"if ({condition})");
                frame.Code.Add("{");
                Free(frame, resource, free, _details, keep: true);
                frame.Code.Add("}");
                Free(frame, resource, free, _details);
                break;
            case 2:
                Feature("freed each turn");
                string i = Name("i");
                frame.Code.Add($"for (int {i} = 0; {i} < 2; {i}++)");
                frame.Code.Add("{");
                Free(frame, resource, free, _details, keep: true);
                frame.Code.Add("}", resource.Entity);
                break;
            default:
                Free(frame, resource, free, _details, keep: true);
                Free(frame, resource, free, _details, keep: true);
                break;
        }
    }

    private void FreeAndUse(Frame frame, Resource resource)
    {
        string free = resource.Family.Free[0];
        if (_details.Next(3) == 1 && frame.HasInput && Condition(reserve: true) is { } condition)
        {
            Feature("freed on a branch before");
            frame.Code.Add($"if ({condition})");
            frame.Code.Add("{");
            Free(frame, resource, free, _details, keep: true);
            Use(frame, resource, _details);
            frame.Code.Add("}");
            frame.Code.Add("else");
            frame.Code.Add("{");
            Free(frame, resource, free, _dice);
            frame.Code.Add("}");
            return;
        }

        Free(frame, resource, free, _details, keep: true);
        Use(frame, resource, _details);
    }

    /// <summary>One call that frees, in one of its forms.</summary>
    /// <param name="frame">Where.</param>
    /// <param name="resource">What.</param>
    /// <param name="template">The call.</param>
    /// <param name="dice">Who decides: the program's decisions, or those about its defect.</param>
    /// <param name="keep">The pointer must still be there afterwards.</param>
    private void Free(Frame frame, Resource resource, string template, Dice dice, bool keep = false)
    {
        int entity = resource.Entity;
        Family family = resource.Family;
        string pointer = dice.Pick(resource.Aliases), type = family.Type;
        string variable = keep || resource.Variables.Count == 0 ? "" : dice.Pick(resource.Variables);
        int form = frame.Depth > 0 ? dice.Weighted(10, 3, 5, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 16) : dice.Weighted(6, 3);
        switch (form)
        {
            case 1:
                frame.Code.Add($"if ({pointer} != {family.Null}) {resource.Fill(template, pointer)};", entity);
                break;
            case 2:
                Feature("helper frees");
                frame.Code.Add($"{Helper($"private static void {{0}}({type} item)", "Drop", drop => Forward(drop, resource.SeenAs("item", resource.OrderText), template, dice), frame)}({pointer});", entity);
                break;
            case 3 when variable.Length > 0:
                Feature("freed by ref");
                string byRef = Helper($"private static void {{0}}(ref {type} item)", "Clear", clear =>
                {
                    clear.Code.Add(resource.Fill(template, "item") + ";", entity);
                    clear.Code.Add($"item = {family.Null};", entity);
                }, frame);
                frame.Code.Add($"{byRef}(ref {variable});", entity);
                break;
            case 4:
                Feature("function pointer");
                string apply = Helper($"private static void {{0}}({type} item, delegate*<{type}, void> action)", "Apply", helper => helper.Code.Add("action(item);", entity), frame);
                string target = Helper($"private static void {{0}}({type} item)", "Drop", drop => drop.Code.Add(resource.Fill(template, "item") + ";", entity), frame);
                frame.Code.Add($"{apply}({pointer}, &{target});", entity);
                break;
            case 5:
                Feature("delegate");
                string visitor = Name("drop");
                frame.Code.Add($"{family.Visitor} {visitor} = item => {resource.Fill(template, "item")};", entity);
                frame.Code.Add($"{visitor}({pointer});", entity);
                break;
            case 6 when !resource.IsBound:
                Feature("local function");
                resource.IsCaptured = true;
                string local = Name("Drop");
                frame.Code.Add($"void {local}()");
                frame.Code.Add("{");
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                frame.Code.Add("}");
                frame.Code.Add("", entity);
                frame.Code.Add($"{local}();", entity);
                break;
            case 7 when (dice == _dice ? Condition() : null) is { } condition:
                Feature("freed on both branches");
                frame.Code.Add($"if ({condition})");
                frame.Code.Add("{");
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                frame.Code.Add("}");
                frame.Code.Add("else");
                frame.Code.Add("{");
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                frame.Code.Add("}");
                break;
            case 8 when (dice == _dice ? Condition() : null) is { } refuses:
                Feature("freed by return code");
                string tryDrop = Helper($"private static int {{0}}(int input, {type} item)", "TryDrop", helper =>
                {
                    helper.Code.Add($"if ({refuses}) return -EBUSY;", entity);
                    helper.Code.Add(resource.Fill(template, "item") + ";", entity);
                    helper.Code.Add("return 0;", entity);
                }, frame);
                frame.Code.Add($"if ({tryDrop}(input, {pointer}) != 0) {resource.Fill(template, pointer)};", entity);
                break;
            case 9 when variable.Length > 0:
                Feature("freed in a loop");
                frame.Code.Add($"while ({variable} != {family.Null})");
                frame.Code.Add("{");
                frame.Code.Add(resource.Fill(template, variable) + ";", entity);
                frame.Code.Add($"{variable} = {family.Null};", entity);
                frame.Code.Add("}");
                break;
            case 10:
                Feature("interface");
                frame.Code.Add($"{DropperInterface(resource, template, dice)}.Drop({pointer});", entity);
                break;
            case 11:
                Feature("table of functions");
                string table = Name("Table"), operations = Name("table");
                _fields.Add($"private struct {table} {{ public delegate*<{type}, void> Drop; }}");
                frame.Code.Add($"{table} {operations} = default;", entity);
                frame.Code.Add($"{operations}.Drop = &{Helper($"private static void {{0}}({type} item)", "Drop", drop => drop.Code.Add(resource.Fill(template, "item") + ";", entity), frame)};", entity);
                frame.Code.Add($"{operations}.Drop({pointer});", entity);
                break;
            case 12:
                Feature("static readonly delegate");
                string kept = Name("s_drop");
                _fields.Add($"private static readonly {family.Visitor} {kept} = {Helper($"private static void {{0}}({type} item)", "Drop", drop => drop.Code.Add(resource.Fill(template, "item") + ";", entity), frame)};");
                frame.Code.Add($"{kept}({pointer});", entity);
                break;
            case 13 when frame.HasInput:
                Feature("switch");
                frame.Code.Add("switch (input & 1)");
                frame.Code.Add("{");
                frame.Code.Add("case 0:", entity);
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                frame.Code.Add("break;", entity);
                frame.Code.Add("default:", entity);
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                frame.Code.Add("break;", entity);
                frame.Code.Add("}", entity);
                break;
            case 14:
                FreeFurther(frame, resource, template, dice, pointer, variable);
                break;
            default:
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                break;
        }
    }

    /// <summary>An object behind an interface that one class implements; the expression that gives it.</summary>
    private string DropperInterface(Resource resource, string template, Dice dice)
    {
        string contract = Name("IDropper"), name = Name("Dropper"), type = resource.Family.Type;
        var code = new Code();
        _members.Add(code);
        _fields.Add($"private interface {contract} {{ void Drop({type} item); }}");
        code.Add($"private sealed class {name} : {contract}");
        code.Add("{");
        code.Add($"public void Drop({type} item) => {resource.Fill(template, "item")};", resource.Entity);
        code.Add("}");
        if (dice.Next(2) == 0) return $"(({contract})new {name}())";
        string kept = Name("s_dropper");
        _fields.Add($"private static readonly {contract} {kept} = new {name}();");
        return kept;
    }

    /// <summary>Frees at once, or through one more function.</summary>
    private void Forward(Frame helper, Resource resource, string template, Dice dice)
    {
        if (helper.Depth > 0 && dice.Next(3) == 1)
        {
            Feature("helper chain");
            string next = Helper($"private static void {{0}}({resource.Family.Type} item)", "Drop", drop => Forward(drop, resource, template, dice), helper);
            helper.Code.Add($"{next}(item);", resource.Entity);
            return;
        }

        helper.Code.Add(resource.Fill(template, "item") + ";", resource.Entity);
    }

    /// <summary>Hands the pointer on to a function that ends its life.</summary>
    private void Consume(Frame frame, Resource resource)
    {
        Feature("consumed");
        int entity = resource.Entity, first = _entities;
        string name = Helper($"private static void {{0}}(int input, {resource.Family.Type} item)", "Finish", finish =>
        {
            Resource own = resource.SeenAs("item", resource.OrderText);
            finish.Open.Add(new Obligation(entity, () => Release(finish, own)) { Resource = own });
            finish.Live.Add(own);
            Block(finish);
            Finish(finish, null);
        }, frame, "return;");
        ShowLater(frame, Since(first));
        frame.Code.Add($"{name}(input, {_dice.Pick(resource.Aliases)});", [entity, .. Since(first)]);
        if (Here(Defect.DoubleFree, entity))
        {
            Feature("freed after consumed");
            Free(frame, resource, resource.Family.Free[0], _details);
        }
        else if (Here(Defect.UseAfterFree, entity))
        {
            Feature("used after consumed");
            Use(frame, resource, _details);
        }
    }
}
