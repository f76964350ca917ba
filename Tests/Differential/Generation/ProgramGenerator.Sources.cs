// The rarer ways to have a pointer.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    private void AcquireFurther(Frame frame, Resource resource, string name, string template, string flags)
    {
        Family family = resource.Family;
        int entity = resource.Entity;
        string type = family.Type, allocation = Allocation(resource, template, flags), zero = family.Null, k = Name("k");
        int form = _dice.Next(11);
        switch (form)
        {
            case 1:
                Feature("tuple returned");
                string pair = Helper("private static (int Error, nint Raw) {0}()", "Make", helper =>
                {
                    helper.Code.Add($"{type} made = {allocation};", entity);
                    if (family.MayFail) helper.Code.Add($"if (made == {zero}) return (-ENOMEM, 0);", entity);
                    helper.Code.Add("return (0, (nint)made);", entity);
                }, frame);
                frame.Code.Add($"(int {k}, nint {k}raw) = {pair}();", entity);
                LeaveIf(frame, $"{k} != 0", family.MayFail, entity);
                frame.Code.Add($"{type} {name} = ({type}){k}raw;", entity);
                break;
            case 2:
                Feature("pointer to pointer");
                string fill = Helper($"private static int {{0}}({type}* place)", "Make", helper =>
                {
                    helper.Code.Add($"*place = {allocation};", entity);
                    helper.Code.Add($"return *place == {zero} ? -ENOMEM : 0;", entity);
                }, frame);
                // Its address is taken: no function inside may name it.
                resource.IsBound = true;
                frame.Code.Add($"{type} {name};", entity);
                LeaveIf(frame, $"{fill}(&{name}) < 0", family.MayFail, entity);
                break;
            case 3 when family.MayFail:
                Feature("retried");
                frame.Code.Add($"{type} {name} = {zero};", entity);
                frame.Code.Add($"for (int {k} = 0; {k} < 3 && {name} == {zero}; {k}++) {name} = {allocation};", entity);
                LeaveIf(frame, $"{name} == {zero}", false, entity);
                break;
            case 4 when family.MayFail:
                Feature("second try");
                frame.Code.Add($"{type} {name} = {allocation};", entity);
                frame.Code.Add($"if ({name} == {zero}) {name} = {Allocation(resource, family.Allocate[0], flags)};", entity);
                LeaveIf(frame, $"{name} == {zero}", false, entity);
                break;
            case 5:
                Feature("object returned");
                string make = Helper("private static Holder {0}()", "Make", helper =>
                {
                    helper.Code.Add("var made = new Holder();");
                    helper.Code.Add($"made.{family.Field} = {allocation};", entity);
                    helper.Code.Add($"return made.{family.Field} == {zero} ? null : made;", entity);
                }, frame);
                frame.Code.Add($"Holder {k} = {make}();", entity);
                LeaveIf(frame, _dice.Next(2) == 0 ? $"{k} == null" : $"{k} is not {{ }}", family.MayFail, entity);
                frame.Code.Add($"{type} {name} = {k}.{family.Field};", entity);
                break;
            case 6:
                Feature("nullable struct returned");
                string maybe = Helper("private static Box? {0}()", "Make", helper =>
                {
                    helper.Code.Add("Box made = default;");
                    helper.Code.Add($"made.{family.Field} = {allocation};", entity);
                    helper.Code.Add($"if (made.{family.Field} == {zero}) return null;", entity);
                    helper.Code.Add("return made;", entity);
                }, frame);
                frame.Code.Add($"Box? {k} = {maybe}();", entity);
                LeaveIf(frame, $"!{k}.HasValue", family.MayFail, entity);
                frame.Code.Add($"{type} {name} = {k}.Value.{family.Field};", entity);
                break;
            case 7:
                Feature("constructor");
                string owner = Name("Maker");
                Code code = Class($"private sealed class {owner}");
                code.Add($"internal readonly {type} item;");
                Method(code, $"internal {owner}()", body => body.Code.Add($"item = {allocation};", entity));
                code.Add("}");
                frame.Code.Add($"{type} {name} = new {owner}().item;", entity);
                CheckNull(frame, resource, name);
                break;
            case 8:
                Feature("switch expression");
                frame.Code.Add($"{type} {name} = ({(frame.HasInput ? "input & 1" : "World.Count & 1")}) switch {{ 0 => {allocation}, _ => {Allocation(resource, family.Allocate[^1], flags)} }};", entity);
                CheckNull(frame, resource, name);
                break;
            case 9:
                Feature("captured variable");
                resource.IsCaptured = true;
                frame.Code.Add($"{type} {name} = {zero};", entity);
                frame.Code.Add($"Action {k} = () => {name} = {allocation};", entity);
                frame.Code.Add($"{k}();", entity);
                CheckNull(frame, resource, name);
                break;
            case 10 when family.MayFail:
                Feature("error pointer");
                string errors = Helper($"private static void* {{0}}()", "Make", helper =>
                {
                    helper.Code.Add($"{type} made = {allocation};", entity);
                    helper.Code.Add($"if (made == {zero}) return ERR_PTR(-ENOMEM);", entity);
                    helper.Code.Add("return (void*)made;", entity);
                }, frame);
                frame.Code.Add($"void* {k} = {errors}();", entity);
                LeaveIf(frame, $"IS_ERR({k})", true, entity);
                frame.Code.Add($"{type} {name} = ({type}){k};", entity);
                break;
            default:
                frame.Code.Add($"{type} {name};", entity);
                frame.Code.Add($"if (({name} = {allocation}) != {zero}) World.Count++;", entity);
                LeaveIf(frame, $"{name} == {zero}", family.MayFail, entity);
                break;
        }
    }
}
