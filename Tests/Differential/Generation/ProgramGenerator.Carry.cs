// What a pointer is kept in besides the variable that it was put in first.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>Something that a pointer is put in and read from again.</summary>
    /// <param name="Feature">What it is.</param>
    /// <param name="Lines">Put it there: {k} is a new name, {p} the variable, {T} its type, {f} and {F} the field and the property for such pointers.</param>
    /// <param name="Alias">The expression that gives the pointer.</param>
    private sealed record Keeper(string Feature, string[] Lines, string Alias)
    {
        /// <summary>The expression may be passed by reference.</summary>
        internal bool IsVariable { get; init; }

        /// <summary>No function inside of this one may name it.</summary>
        internal bool IsBound { get; init; }

        /// <summary>It reads the variable each time.</summary>
        internal bool NeedsVariable { get; init; }
    }

    private static readonly Keeper[] s_keepers =
    [
        new("nullable", ["nint? {k} = (nint){p};"], "(({T}){k}.Value)"),
        new("nullable", ["nint? {k} = null;", "{k} = (nint){p};"], "(({T})({k} ?? 0))"),
        new("list of integers", ["var {k} = new List<nint>();", "{k}.Add((nint){p});"], "(({T}){k}[0])"),
        new("list of integers", ["var {k} = new List<nint> { (nint){p} };"], "(({T}){k}[0])"),
        new("dictionary", ["var {k} = new Dictionary<int, nint> { [3] = (nint){p} };"], "(({T}){k}[3])"),
        new("tuple", ["var {k} = (raw: (nint){p}, tag: 1);"], "(({T}){k}.raw)"),
        new("tuple", ["(nint {k}, int {k}tag) = ((nint){p}, 1);"], "(({T}){k})"),
        new("array on the stack", ["{T}* {k} = stackalloc {T}[2];", "{k}[1] = {p};"], "{k}[1]") { IsVariable = true },
        new("tagged pointer", ["nuint {k} = (nuint){p} | 1;"], "(({T})({k} & ~(nuint)1))"),
        new("pointer inside", ["byte* {k} = (byte*){p} + 8;"], "(({T})({k} - 8))"),
        new("property", ["var {k} = new Holder();", "{k}.{F} = {p};"], "{k}.{F}"),
        new("property", ["var {k} = new Holder { {F} = {p} };"], "{k}.{F}"),
        new("nested struct", ["var {k} = new Shelf();", "{k}.box.{f} = {p};"], "{k}.box.{f}") { IsVariable = true },
        new("array of structs", ["Box[] {k} = new Box[2];", "{k}[1].{f} = {p};"], "{k}[1].{f}") { IsVariable = true },
        new("pointer to pointer", ["{T}* {k} = &{p};"], "(*{k})") { IsVariable = true, IsBound = true, NeedsVariable = true },
        new("span", ["Span<nint> {k} = stackalloc nint[2];", "{k}[1] = (nint){p};"], "(({T}){k}[1])") { IsBound = true },
        new("closure", ["Func<nint> {k} = () => (nint){p};"], "(({T}){k}())") { NeedsVariable = true },
        new("exchanged", ["nint {k}slot = (nint){p};", "nint {k} = System.Threading.Interlocked.Exchange(ref {k}slot, 0);"], "(({T}){k})"),
        new("chained objects", ["var {k} = new Shelf { next = new Shelf() };", "{k}.next.box.{f} = {p};"], "{k}.next.box.{f}") { IsVariable = true },
        new("generic struct", ["var {k} = new Slot<nint>((nint){p});"], "(({T}){k}.Value)"),
        new("record", ["var {k}first = new Entry((nint){p}, 1);", "Entry {k} = {k}first with { Tag = 2 };"], "(({T}){k}.Raw)"),
        new("union", ["Either {k} = default;", "{k}.raw = (nint){p};"], "{k}.{f}") { IsVariable = true },
        new("pointer to struct", ["Box {k}box = default;", "Box* {k} = &{k}box;", "{k}->{f} = {p};"], "{k}->{f}") { IsVariable = true, IsBound = true },
        new("boxed", ["object {k} = (nint){p};"], "(({T})(nint){k})"),
        new("integer", ["long {k} = (long){p};"], "(({T}){k})"),
    ];

    /// <summary>Keeps the pointer in something else too, or instead.</summary>
    private void Carry(Frame frame, Resource resource)
    {
        Family family = resource.Family;
        string name = resource.Aliases[0];
        string alias;
        bool isVariable = true, mayMove = true;
        switch (_dice.Weighted(8, 3, 3, 3, 2, 2, 2, 2, 12, 2))
        {
            case 1:
                Feature("struct field");
                string box = Name("box");
                frame.Code.Add($"Box {box} = default;");
                frame.Code.Add($"{box}.{family.Field} = {name};", resource.Entity);
                if (_dice.Chance(40))
                {
                    Feature("struct copy");
                    string copy = Name("copy");
                    frame.Code.Add($"Box {copy} = {box};", resource.Entity);
                    box = copy;
                }

                alias = $"{box}.{family.Field}";
                break;
            case 2:
                Feature("object field");
                string holder = Name("holder");
                if (_dice.Chance(50))
                {
                    frame.Code.Add($"var {holder} = new Holder();");
                    frame.Code.Add($"{holder}.{family.Field} = {name};", resource.Entity);
                }
                else
                {
                    frame.Code.Add($"var {holder} = new Holder {{ {family.Field} = {name} }};", resource.Entity);
                }

                alias = $"{holder}.{family.Field}";
                break;
            case 3:
                Feature("array");
                string array = Name("slots");
                int index = _dice.Next(3);
                frame.Code.Add($"{family.Type}[] {array} = new {family.Type}[3];");
                frame.Code.Add($"{array}[{index}] = {name};", resource.Entity);
                alias = $"{array}[{index}]";
                break;
            case 4:
                Feature("integer");
                string raw = Name("raw");
                frame.Code.Add($"nuint {raw} = (nuint){name};", resource.Entity);
                alias = $"(({family.Type}){raw})";
                isVariable = mayMove = false;
                break;
            case 5 when frame.Live.Find(other => other.Family.Type == "Thing*" && !other.MayBeNull && other.Aliases.Count > 0 && other.TakenFields.Add(family.NativeField)) is { } outer:
                Feature("native field");
                string place = $"{outer.Aliases[0]}->{family.NativeField}";
                frame.Code.Add($"{place} = {name};", resource.Entity);
                alias = place;
                resource.IsBound |= outer.IsBound;
                break;
            case 6:
                Feature("static field");
                alias = Name("s_kept");
                _fields.Add($"private static {family.Type} {alias};");
                frame.Code.Add($"{alias} = {name};", resource.Entity);
                resource.IsShared = true;
                break;
            case 7:
                Feature("ref local");
                string target = Name("box"), link = Name("link");
                frame.Code.Add($"Box {target} = default;");
                frame.Code.Add($"ref {family.Type} {link} = ref {target}.{family.Field};");
                frame.Code.Add($"{link} = {name};", resource.Entity);
                alias = $"{target}.{family.Field}";
                break;
            case 8:
                Keeper keeper = _dice.Pick(s_keepers);
                // A variable is either captured or has its address taken.
                if (keeper.NeedsVariable && (keeper.IsBound ? resource.IsCaptured : resource.IsBound)) return;
                Feature(keeper.Feature);
                string kept = Name("kept");
                foreach (string line in keeper.Lines) frame.Code.Add(Fill(line), resource.Entity);
                alias = Fill(keeper.Alias);
                (isVariable, mayMove) = (keeper.IsVariable, !keeper.NeedsVariable);
                resource.IsBound |= keeper.IsBound;
                break;

                string Fill(string text) => text.Replace("{k}", kept).Replace("{p}", name).Replace("{T}", family.Type).Replace("{f}", family.Field).Replace("{F}", family.Property);
            case 9 when frame.Depth > 0:
                alias = CarryByHelpers(frame, resource, name, out isVariable);
                break;
            default:
                return;
        }

        resource.Aliases.Add(alias);
        if (isVariable) resource.Variables.Add(alias);
        if (resource.IsShared || !mayMove || !_dice.Chance(40)) return;
        Feature("moved");
        frame.Code.Add($"{name} = {family.Null};", resource.Entity);
        resource.Aliases.Remove(name);
        resource.Variables.Remove(name);
    }

    /// <summary>One function puts the pointer into an object, and another may read it from there.</summary>
    private string CarryByHelpers(Frame frame, Resource resource, string name, out bool isVariable)
    {
        Feature("stored by helper");
        Family family = resource.Family;
        string holder = Name("holder");
        frame.Code.Add($"var {holder} = new Holder();");
        string put = Helper($"private static void {{0}}(Holder holder, {family.Type} item)", "Put", helper => helper.Code.Add($"holder.{family.Field} = item;", resource.Entity), frame);
        frame.Code.Add($"{put}({holder}, {name});", resource.Entity);
        isVariable = _dice.Chance(50);
        if (isVariable) return $"{holder}.{family.Field}";
        Feature("read by helper");
        return $"{Helper($"private static {family.Type} {{0}}(Holder holder)", "Get", helper => helper.Code.Add($"return holder.{family.Field};", resource.Entity), frame)}({holder})";
    }
}
