// Memory that loops own: arrays, lists and collections that one loop fills and another empties.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    private void Many(Frame frame)
    {
        int entity = NewEntity();
        string gfp = frame.IsAtomic ? Here(Defect.SleepInAtomic, entity) ? "GFP_KERNEL" : "GFP_ATOMIC" : "GFP_KERNEL";
        switch (_dice.Next(4))
        {
            case 1:
                List(frame, entity, gfp);
                break;
            case 2:
                Collection(frame, entity, gfp);
                break;
            case 3:
                Turns(frame, entity, gfp);
                break;
            default:
                Array(frame, entity, gfp);
                break;
        }
    }

    private void Array(Frame frame, int entity, string gfp)
    {
        Feature("array by loop");
        string i = Name("i"), items = Name("items"), item = Name("item");
        bool onStack = _dice.Chance(30);
        string length = onStack ? "3" : items + ".Length";
        frame.Code.Add(onStack ? $"Thing** {items} = stackalloc Thing*[3];" : $"Thing*[] {items} = new Thing*[3];", entity);
        frame.Code.Add($"for (int {i} = 0; {i} < {length}; {i}++)");
        frame.Code.Add("{");
        frame.Code.Add($"{items}[{i}] = kzalloc<Thing>({gfp});", entity);
        frame.Code.Add($"if ({items}[{i}] == null)");
        frame.Code.Add("{");
        if (Here(Defect.Leak, entity))
        {
            Feature("not unwound");
            frame.Code.Lost.Add(entity);
        }
        else
        {
            frame.Code.Add($"while (--{i} >= 0) kfree({items}[{i}]);", entity);
        }

        Leave(frame);
        frame.Code.Add("}");
        frame.Code.Add("}", entity);
        string free = Here(Defect.WrongDeallocator, entity) ? "vfree" : "kfree";
        if (Here(Defect.UseAfterFree, entity)) frame.Code.Add($"for (int {item} = 0; {item} < 3; {item}++) {{ kfree({items}[{item}]); World.Count += {items}[{item}]->value; }}", entity);
        else if (Here(Defect.DoubleFree, entity)) frame.Code.Add($"for (int {item} = 0; {item} < 3; {item}++) {{ kfree({items}[{item}]); kfree({items}[{item}]); }}", entity);
        else if (onStack) frame.Code.Add($"for (int {item} = 0; {item} < 3; {item}++) {free}({items}[{item}]);", entity);
        else frame.Code.Add($"foreach (Thing* {item} in {items}) {free}({item});", entity);
    }

    private void List(Frame frame, int entity, string gfp)
    {
        Feature("list");
        string head = Name("head"), node = Name("node"), i = Name("i"), next = Name("next");
        frame.Code.Add($"Thing* {head} = null;");
        frame.Code.Add($"for (int {i} = 0; {i} < 3; {i}++)");
        frame.Code.Add("{");
        frame.Code.Add($"Thing* {node} = kzalloc<Thing>({gfp});", entity);
        frame.Code.Add($"if ({node} == null) break;");
        if (Here(Defect.Leak, entity))
        {
            Feature("not linked");
            frame.Code.Lost.Add(entity);
        }
        else
        {
            frame.Code.Add($"{node}->next = {head};", entity);
        }

        frame.Code.Add($"{head} = {node};", entity);
        frame.Code.Add("}", entity);
        string free = Here(Defect.WrongDeallocator, entity) ? "vfree" : "kfree";
        string empty = $"while ({head} != null)";
        if (Here(Defect.Leak, entity))
        {
            // Only the first is freed.
            Feature("not emptied");
            frame.Code.Lost.Add(entity);
            empty = $"if ({head} != null)";
        }

        frame.Code.Add(empty);
        frame.Code.Add("{");
        if (Here(Defect.UseAfterFree, entity))
        {
            frame.Code.Add($"kfree({head});", entity);
            frame.Code.Add($"{head} = {head}->next;", entity);
        }
        else if (Here(Defect.DoubleFree, entity))
        {
            frame.Code.Add($"Thing* {next} = {head}->next;", entity);
            frame.Code.Add($"kfree({head});", entity);
            frame.Code.Add($"if ({next} == null) kfree({head});", entity);
            frame.Code.Add($"{head} = {next};");
        }
        else
        {
            frame.Code.Add($"Thing* {next} = {head}->next;");
            frame.Code.Add($"{free}({head});", entity);
            frame.Code.Add($"{head} = {next};");
        }

        frame.Code.Add("}", entity);
    }

    private void Collection(Frame frame, int entity, string gfp)
    {
        Feature("collection by loop");
        string all = Name("all"), item = Name("item"), i = Name("i");
        frame.Code.Add($"var {all} = new List<nint>();");
        frame.Code.Add($"for (int {i} = 0; {i} < 3; {i}++)");
        frame.Code.Add("{");
        frame.Code.Add($"void* {item} = kmalloc(32, {gfp});", entity);
        frame.Code.Add($"if ({item} == null) break;");
        if (Here(Defect.Leak, entity))
        {
            Feature("not added");
            frame.Code.Lost.Add(entity);
            frame.Code.Add("World.Count++;", entity);
        }
        else
        {
            frame.Code.Add($"{all}.Add((nint){item});", entity);
        }

        frame.Code.Add("}", entity);
        string free = Here(Defect.WrongDeallocator, entity) ? "vfree" : "kfree", again = Here(Defect.DoubleFree, entity) ? $"kfree((void*){item}each); " : "";
        frame.Code.Add($"foreach (nint {item}each in {all}) {{ {again}{free}((void*){item}each); }}", entity);
    }

    /// <summary>Each turn has a pointer of its own; the last turn's may live on.</summary>
    private void Turns(Frame frame, int entity, string gfp)
    {
        Feature("best of several");
        string best = Name("best"), item = Name("item"), i = Name("i");
        frame.Code.Add($"Thing* {best} = null;");
        frame.Code.Add($"for (int {i} = 0; {i} < 3; {i}++)");
        frame.Code.Add("{");
        frame.Code.Add($"Thing* {item} = kzalloc<Thing>({gfp});", entity);
        frame.Code.Add($"if ({item} == null) continue;");
        if (Here(Defect.Leak, entity))
        {
            Feature("replaced");
            frame.Code.Lost.Add(entity);
        }
        else if (Here(Defect.WrongDeallocator, entity))
        {
            frame.Code.Add($"vfree({best});", entity);
        }
        else
        {
            frame.Code.Add($"kfree({best});", entity);
            if (Here(Defect.UseAfterFree, entity)) frame.Code.Add($"if ({best} != null) World.Count += {best}->value;", entity);
        }

        frame.Code.Add($"{best} = {item};", entity);
        frame.Code.Add("}", entity);
        frame.Code.Add($"kfree({best});", entity);
        if (Here(Defect.DoubleFree, entity)) frame.Code.Add($"kfree({best});", entity);
    }
}
