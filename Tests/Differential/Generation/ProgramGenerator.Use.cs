// How a pointer is used.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    private void UseSomething(Frame frame)
    {
        List<Resource> usable = frame.Live.FindAll(resource => !resource.MayBeNull);
        if (usable.Count == 0)
        {
            frame.Code.Add("World.Count++;");
            return;
        }

        Use(frame, _dice.Pick(usable), _dice);
    }

    private void Use(Frame frame, Resource resource, Dice dice)
    {
        Family family = resource.Family;
        int entity = resource.Entity, useForm = dice.Next(Family.UseForms);
        string pointer = dice.Pick(resource.Aliases), type = family.Type;
        switch (frame.Depth > 0 ? dice.Weighted(8, 3, 2, 1, 1, 1, 1, 7) : 0)
        {
            case 1:
                Feature("helper uses");
                frame.Code.Add($"{Helper($"private static void {{0}}({type} item)", "Touch", touch => touch.Code.Add(family.Use("item", useForm), entity), frame)}({pointer});", entity);
                break;
            case 2:
                Feature("struct passed");
                string box = Name("box");
                string byValue = Helper($"private static void {{0}}({(dice.Next(2) == 0 ? "" : "in ")}Box box)", "Touch", touch => touch.Code.Add(family.Use($"box.{family.Field}", useForm), entity), frame);
                frame.Code.Add($"Box {box} = default;");
                frame.Code.Add($"{box}.{family.Field} = {pointer};", entity);
                frame.Code.Add($"{byValue}({box});", entity);
                break;
            case 3:
                Feature("delegate");
                string visitor = Name("touch");
                frame.Code.Add($"{family.Visitor} {visitor} = item => {{ {family.Use("item", useForm)} }};", entity);
                frame.Code.Add($"{visitor}({pointer});", entity);
                break;
            case 4:
                Feature("function pointer");
                string target = Helper($"private static void {{0}}({type} item)", "Touch", touch => touch.Code.Add(family.Use("item", useForm), entity), frame);
                string function = Name("touch");
                frame.Code.Add($"delegate*<{type}, void> {function} = &{target};", entity);
                frame.Code.Add($"{function}({pointer});", entity);
                break;
            case 6:
                Feature("recursion");
                string walk = Name("Walk");
                var code = new Code();
                _members.Add(code);
                code.Add($"private static void {walk}(int depth, {type} item)");
                code.Add("{");
                code.Add("if (depth > 0)");
                code.Add("{");
                code.Add($"{walk}(depth - 1, item);", entity);
                code.Add("return;");
                code.Add("}");
                code.Add(family.Use("item", useForm), entity);
                code.Add("}");
                frame.Code.Add($"{walk}(2, {pointer});", entity);
                break;
            case 5 when type == "Thing*":
                frame.Code.Add($"memset({pointer}, 0, 4);", entity);
                break;
            case 7:
                UseFurther(frame, resource, pointer, dice);
                break;
            default:
                frame.Code.Add(family.Use(pointer, useForm), entity);
                break;
        }
    }

    /// <summary>The rarer forms.</summary>
    private void UseFurther(Frame frame, Resource resource, string pointer, Dice dice)
    {
        Family family = resource.Family;
        string type = family.Type, k = Name("seen"), bytes = type == "page*" ? $"page_address({pointer})" : $"(void*){pointer}";
        int entity = resource.Entity, form = dice.Next(15);
        bool isThing = type == "Thing*";
        string plain = family.Use(pointer, dice.Next(Family.UseForms));
        switch (form)
        {
            case 1:
                Feature("method of a struct");
                string view = Name("View");
                Code code = Class($"private readonly struct {view}({type} item)");
                Method(code, "public void Touch()", touch => touch.Code.Add(family.Use("item", 0), entity));
                code.Add("}");
                frame.Code.Add($"new {view}({pointer}).Touch();", entity);
                break;
            case 2:
                Feature("span over it");
                frame.Code.Add($"new Span<byte>({bytes}, 4).Clear();", entity);
                break;
            case 3:
                Feature("copied from");
                frame.Code.Add($"int {k} = 0;");
                frame.Code.Add($"memcpy(&{k}, {bytes}, 4);", entity);
                break;
            case 4:
                Feature("copied to");
                frame.Code.Add($"int {k} = 5;");
                frame.Code.Add($"memcpy({bytes}, &{k}, 4);", entity);
                break;
            case 5 when isThing:
                Feature("read by helper");
                frame.Code.Add($"World.Count += {Helper("private static int {0}(Thing* item)", "Read", read => read.Code.Add("return item->value;", entity), frame)}({pointer});", entity);
                break;
            case 6 when isThing:
                Feature("passed by in");
                frame.Code.Add($"{Helper("private static void {0}(in Thing thing)", "Look", look => look.Code.Add("World.Count += thing.value;", entity), frame)}(in *{pointer});", entity);
                break;
            case 7 when isThing:
                Feature("reference returned");
                frame.Code.Add($"{Helper("private static ref int {0}(Thing* item)", "At", at => at.Code.Add("return ref item->value;", entity), frame)}({pointer}) = 4;", entity);
                break;
            case 8 when isThing:
                frame.Code.Add($"System.Threading.Interlocked.Increment(ref {pointer}->value);", entity);
                break;
            case 9 when isThing:
                frame.Code.Add($"if ({pointer}->value > 3) World.Count++;", entity);
                break;
            case 10:
                Feature("used in a loop");
                frame.Code.Add($"for (int {k} = 0; {k} < 2; {k}++)");
                frame.Code.Add("{");
                frame.Code.Add(plain, entity);
                frame.Code.Add("}", entity);
                break;
            case 11 when !resource.IsBound:
                Feature("closure");
                resource.IsCaptured = true;
                frame.Code.Add($"Action {k} = () => {{ {plain} }};", entity);
                frame.Code.Add($"{k}();", entity);
                break;
            case 12 when isThing:
                Feature("struct copied out");
                frame.Code.Add($"Thing {k} = *{pointer};", entity);
                frame.Code.Add($"World.Count += {k}.value;");
                break;
            case 13 when isThing:
                Feature("pattern");
                frame.Code.Add($"if (*{pointer} is {{ value: > 3 }}) World.Count++;", entity);
                break;
            case 14:
                Feature("used in a try");
                frame.Code.Add("try");
                frame.Code.Add("{");
                frame.Code.Add(plain, entity);
                frame.Code.Add("}");
                frame.Code.Add("catch (OverflowException)");
                frame.Code.Add("{");
                frame.Code.Add("World.Count++;");
                frame.Code.Add("}");
                break;
            default:
                frame.Code.Add(plain, entity);
                break;
        }
    }
}
