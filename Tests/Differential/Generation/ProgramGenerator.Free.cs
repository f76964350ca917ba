// The rarer forms of a call that frees.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>Forms that look the same whatever the pointer is: {free:X} frees the expression X, {drop} is a function that frees, {k} a new name.</summary>
    private static readonly (string Feature, string[] Lines, bool Captures)[] s_simpleFrees =
    [
        ("closure", ["Action {k} = () => {free:{p}};", "{k}();"], true),
        ("static local function", ["static void {k}({T} item) => {free:item};", "{k}({p});"], false),
        ("combined delegates", ["Action<nint> {k} = null;", "{k} += raw => {free:({T})raw};", "{k}((nint){p});"], false),
        ("function given to the library", ["Array.ForEach(new nint[] { (nint){p} }, raw => {free:({T})raw});"], false),
        ("exchanged", ["nint {k} = (nint){p};", "{free:({T})System.Threading.Interlocked.Exchange(ref {k}, 0)};"], false),
        ("counted", ["int {k} = 1;", "if (--{k} == 0) {free:{p}};"], false),
        ("counted", ["int {k} = 1;", "if (System.Threading.Interlocked.Decrement(ref {k}) == 0) {free:{p}};"], false),
        ("do", ["do", "{", "{free:{p}};", "}", "while (false);"], false),
        ("goto", ["goto {k};", "{k}:", "{free:{p}};"], false),
        ("finally", ["try", "{", "World.Count++;", "}", "finally", "{", "{free:{p}};", "}"], false),
        ("loop over an array", ["foreach (nint {k} in new nint[] { (nint){p} }) {free:({T}){k}};"], false),
        ("loop over a list", ["var {k}all = new List<nint> { (nint){p} };", "foreach (nint {k} in {k}all) {free:({T}){k}};"], false),
        ("stack emptied", ["var {k}all = new Stack<nint>();", "{k}all.Push((nint){p});", "while ({k}all.TryPop(out nint {k})) {free:({T}){k}};"], false),
        ("ternary", ["World.Count += (input & 1) == 0 ? {drop}({p}) : {drop}({p});"], false),
        ("switch expression", ["World.Count += (input & 1) switch { 0 => {drop}({p}), _ => {drop}({p}) };"], false),
        ("short circuit", ["if ({drop}({p}) == 0 && (input & 1) != 0) World.Count++;"], false),
        ("function in a variable", ["Func<nint, int> {k} = raw => {drop}(({T})raw);", "World.Count += {k}((nint){p});"], false),
        ("function in an array", ["var {k} = new Action<nint>[] { raw => World.Count++, raw => {free:({T})raw} };", "{k}[1]((nint){p});"], false),
        ("copy in a block", ["{", "{T} {k} = {p};", "{free:{k}};", "}"], false),
        ("out variable", ["nint.TryParse(\"1\", out nint {k});", "{k} = (nint){p};", "{free:({T}){k}};"], false),
    ];

    /// <summary>Functions that free: their head, their body, and how they are called.</summary>
    private static readonly (string Feature, string Head, string[] Body, string Call)[] s_helperFrees =
    [
        ("extension method", "private static void {0}(this ref Box box)", ["{free:box.{f}};"], "Box {k} = default; {k}.{f} = {p}; {k}.{h}();"),
        ("operation code", "private static void {0}(int operation, {T} item)", ["switch (operation)", "{", "case 1:", "World.Count++;", "break;", "case 2:", "{free:item};", "break;", "}"], "{h}(2, {p});"),
        ("boxed", "private static void {0}(object item)", ["if (item is nint raw) {free:({T})raw};"], "{h}((nint){p});"),
        ("params", "private static void {0}(params nint[] items)", ["foreach (nint raw in items) {free:({T})raw};"], "{h}((nint){p});"),
        ("span", "private static void {0}(ReadOnlySpan<nint> items)", ["{free:({T})items[0]};"], "{h}([(nint){p}]);"),
        ("recursion", "private static void {0}(int depth, {T} item)", ["if (depth > 0)", "{", "{self}(depth - 1, item);", "return;", "}", "{free:item};"], "{h}(2, {p});"),
        ("default argument", "private static void {0}({T} item, bool really = true)", ["if (really) {free:item};"], "{h}({p});"),
        ("named argument", "private static void {0}(bool really, {T} item)", ["if (!really) return;", "{free:item};"], "{h}(item: {p}, really: true);"),
        ("pointer to pointer", "private static void {0}({T}* place)", ["{free:(*place)};", "*place = {null};"], "{T} {k} = {p}; {h}(&{k});"),
        ("struct by value", "private static void {0}(Box box)", ["{free:box.{f}};"], "{h}(new Box { {f} = {p} });"),
        ("object passed", "private static void {0}(Holder holder)", ["{free:holder.{f}};", "holder.{f} = {null};"], "{h}(new Holder { {f} = {p} });"),
        ("throws and catches", "private static void {0}({T} item)", ["try", "{", "throw new InvalidOperationException();", "}", "catch (InvalidOperationException)", "{", "{free:item};", "}"], "{h}({p});"),
        ("status", "private static int {0}({T} item)", ["if (item == {null}) return -EINVAL;", "{free:item};", "return 0;"], "if ({h}({p}) < 0) World.Count++;"),
        ("nullable", "private static void {0}(nint? item)", ["if (item is { } raw) {free:({T})raw};"], "{h}((nint){p});"),
    ];

    private void FreeFurther(Frame frame, Resource resource, string template, Dice dice, string pointer, string variable)
    {
        int entity = resource.Entity;
        Family family = resource.Family;
        string type = family.Type, k = Name("k");
        int form = dice.Weighted(s_simpleFrees.Length, s_helperFrees.Length, 2, 1, 2, 2, 1, 2);
        switch (form)
        {
            case 0 when dice.Pick(s_simpleFrees) is var simple && !(simple.Captures && resource.IsBound) && (frame.HasInput || !simple.Lines[0].Contains("input", StringComparison.Ordinal)):
                Feature(simple.Feature);
                resource.IsCaptured |= simple.Captures;
                foreach (string line in simple.Lines) frame.Code.Add(Fill(line, pointer), entity);
                break;
            case 1:
                var helped = dice.Pick(s_helperFrees);
                Feature(helped.Feature);
                string helper = Helper(helped.Head.Replace("{T}", type), "Drop", body =>
                {
                    foreach (string line in helped.Body) body.Code.Add(Fill(line, "item").Replace("{self}", "Drop" + _names), entity);
                }, frame);
                foreach (string line in Fill(helped.Call, pointer).Replace("{h}", helper).Split("; ")) frame.Code.Add(line.TrimEnd(';') + ";", entity);
                break;
            case 2 when family.Type == "Thing*":
                Feature("generic helper");
                frame.Code.Add($"{Helper("private static void {0}<T>(T* item) where T : unmanaged", "Drop", drop => drop.Code.Add(resource.Fill(template, "item") + ";", entity), frame)}({pointer});", entity);
                break;
            case 3 when frame.HasInput:
                Feature("two classes");
                string root = Name("Dropper");
                _fields.Add($"private abstract class {root} {{ public abstract void Drop({type} item); }}");
                string[] names = [Name("Dropper"), Name("Dropper")];
                foreach (string name in names)
                {
                    Code code = Class($"private sealed class {name} : {root}");
                    code.Add($"public override void Drop({type} item) => {resource.Fill(template, "item")};", entity);
                    code.Add("}");
                }

                frame.Code.Add($"{root} {k} = (input & 1) == 0 ? new {names[0]}() : new {names[1]}();");
                frame.Code.Add($"{k}.Drop({pointer});", entity);
                break;
            case 4 when variable.Length > 0:
                Feature("taken");
                string take = Helper($"private static {type} {{0}}(ref {type} place)", "Take", helper =>
                {
                    helper.Code.Add($"{type} taken = place;", entity);
                    helper.Code.Add($"place = {family.Null};", entity);
                    helper.Code.Add("return taken;", entity);
                }, frame);
                frame.Code.Add(resource.Fill(template, $"{take}(ref {variable})") + ";", entity);
                break;
            case 5:
                Feature("scope");
                string scope = Name("Scope");
                Code type5 = Class($"private readonly ref struct {scope}({type} item)");
                type5.Add($"public void Dispose() => {resource.Fill(template, "item")};", entity);
                type5.Add("}");
                frame.Code.Add($"using (new {scope}({pointer}))", entity);
                frame.Code.Add("{");
                frame.Code.Add("World.Count++;");
                frame.Code.Add("}", entity);
                break;
            case 6 when !frame.IsAtomic && frame.Held.Count == 0:
                Feature("object lock");
                string gate = Name("s_gate");
                _fields.Add($"private static readonly object {gate} = new();");
                frame.Code.Add($"lock ({gate})");
                frame.Code.Add("{");
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                frame.Code.Add("}", entity);
                break;
            case 7 when !frame.IsAtomic && frame.Held.Count == 0 && type is "nint" or "nuint" && !template.Contains('*'):
                // A wait for a task may block.
                Feature("async");
                string later = Name("DropAsync");
                _safe.Add(new Line($"    private static async System.Threading.Tasks.Task {later}({type} item)", []));
                _safe.Add(new Line("    {", []));
                _safe.Add(new Line("        await System.Threading.Tasks.Task.CompletedTask;", []));
                _safe.Add(new Line($"        {resource.Fill(template, "item")};", [entity]));
                _safe.Add(new Line("    }", []));
                frame.Code.Add($"{later}({pointer}).GetAwaiter().GetResult();", entity);
                break;
            default:
                frame.Code.Add(resource.Fill(template, pointer) + ";", entity);
                break;
        }

        string Fill(string text, string pointer)
        {
            text = text.Replace("{k}", k).Replace("{f}", family.Field).Replace("{null}", family.Null).Replace("{p}", pointer).Replace("{T}", type);
            if (text.Contains("{drop}", StringComparison.Ordinal))
            {
                string drop = Helper($"private static int {{0}}({type} item)", "Drop", helper =>
                {
                    helper.Code.Add(resource.Fill(template, "item") + ";", entity);
                    helper.Code.Add("return 0;");
                }, frame);
                text = text.Replace("{drop}", drop);
            }

            int at = text.IndexOf("{free:", StringComparison.Ordinal);
            if (at < 0) return text;
            int end = text.IndexOf('}', at);
            return text[..at] + resource.Fill(template, text[(at + 6)..end]) + text[(end + 1)..];
        }
    }
}
