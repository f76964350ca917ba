// Branches, loops, and the ways out of them.

namespace KAlloc.Differential.Tests.Generation;

internal sealed partial class ProgramGenerator
{
    /// <summary>A condition on an input bit that nothing else depends on; null when there are enough of them.</summary>
    private string? Condition(bool reserve = false)
    {
        if (_bits >= MaximalBits + (reserve ? 2 : 0)) return null;
        int bit = _bits++, mask = 1 << bit;
        Dice dice = reserve ? _details : _dice;
        switch (dice.Next(10))
        {
            case 1: return $"(input & {mask}) == 0";
            case 2: return $"((input >> {bit}) & 1) == 1";
            case 3: return $"(input & {mask}) > 0";
            case 4: return $"(input & {mask}) is not 0";
            case 5: return $"((Mode)input & Mode.Bit{bit}) == Mode.Bit{bit}";
            case 6: return $"((Mode)input).HasFlag(Mode.Bit{bit})";
            case 7:
                Feature("predicate");
                string wants = Name("Wants");
                _fields.Add($"private static bool {wants}(int input) => (input & {mask}) != 0;");
                return $"{wants}(input)";
            case 8 when _bits < MaximalBits:
                _bits++;
                return dice.Next(2) == 0 ? $"(input & {mask}) != 0 && (input & {mask << 1}) == 0" : $"(input & {mask}) != 0 || (input & {mask << 1}) != 0";
            default: return $"(input & {mask}) != 0";
        }
    }

    private void Branch(Frame frame)
    {
        if (frame.Nesting > 3 || Condition() is not { } condition) return;
        Feature("branch");
        if (_dice.Chance(20))
        {
            Switch(frame);
            return;
        }

        frame.Code.Add($"if ({condition})");
        frame.Code.Add("{");
        Block(frame);
        frame.Code.Add("}");
        if (!_dice.Chance(40)) return;
        frame.Code.Add("else");
        frame.Code.Add("{");
        Block(frame);
        frame.Code.Add("}");
    }

    private void Switch(Frame frame)
    {
        if (Condition() is not { } condition) return;
        Feature("switch");
        frame.Code.Add($"switch ({condition})");
        frame.Code.Add("{");
        bool inSwitch = frame.IsInSwitch;
        frame.IsInSwitch = true;
        foreach (string label in (string[])["case true:", "default:"])
        {
            frame.Code.Add(label);
            frame.Code.Add("{");
            Block(frame);
            frame.Code.Add("break;");
            frame.Code.Add("}");
        }

        frame.IsInSwitch = inSwitch;
        frame.Code.Add("}");
    }

    private void Loop(Frame frame)
    {
        if (frame.Nesting > 3) return;
        Feature("loop");
        string i = Name("i");
        int turns = 1 + _dice.Next(3);
        (string[] head, string[] tail) = _dice.Next(8) switch
        {
            3 => ([$"for (int {i} = {turns}; {i}-- > 0;)", "{"], ["}"]),
            1 => ([$"for (int {i} = 0; {i} < (input & 1) + {turns}; {i}++)", "{"], ["}"]),
            2 => ([$"foreach (int {i} in new int[] {{ {string.Join(", ", Enumerable.Range(1, turns))} }})", "{"], ["}"]),
            4 => ([$"int {i} = 0;", "while (true)", "{", $"if ({i}++ == {turns}) break;"], ["}"]),
            5 => ([$"int {i} = 0;", "do", "{"], ["}", $"while (++{i} < {turns});"]),
            6 => ([$"int {i} = 0;", $"again{i}:", "{"], ["}", $"if (++{i} < {turns}) goto again{i};"]),
            7 => ([$"foreach (int {i} in new List<int> {{ {string.Join(", ", Enumerable.Range(1, turns))} }})", "{"], ["}"]),
            _ => (new[] { $"for (int {i} = 0; {i} < {turns}; {i}++)", "{" }, new[] { "}" }),
        };
        foreach (string line in head) frame.Code.Add(line);
        (int outer, bool inSwitch) = (frame.LoopBase, frame.IsInSwitch);
        // A goto makes a loop that break and continue know nothing of.
        if (!head[1].StartsWith("again", StringComparison.Ordinal)) (frame.LoopBase, frame.IsInSwitch) = (frame.Open.Count, false);
        Block(frame);
        (frame.LoopBase, frame.IsInSwitch) = (outer, inSwitch);
        foreach (string line in tail) frame.Code.Add(line);
    }

    private void EarlyExit(Frame frame)
    {
        if (Condition() is not { } condition) return;
        Feature("early exit");
        if (frame.Depth > 0 && _dice.Chance(20))
        {
            ExceptionalExit(frame, condition);
            return;
        }

        frame.Code.Add($"if ({condition})");
        frame.Code.Add("{");
        if (frame.LoopBase >= 0 && _dice.Chance(50)) LeaveTurn(frame);
        else Leave(frame);
        frame.Code.Add("}");
    }

    /// <summary>A helper throws, and the function leaves.</summary>
    private void ExceptionalExit(Frame frame, string condition)
    {
        Feature("exception");
        string name = Helper("private static void {0}(int input)", "Check", check => check.Code.Add($"if ({condition}) throw new InvalidOperationException();"), frame);
        frame.Code.Add("try");
        frame.Code.Add("{");
        frame.Code.Add($"{name}(input);", frame.Entities);
        frame.Code.Add("}");
        frame.Code.Add("catch (InvalidOperationException)");
        frame.Code.Add("{");
        Leave(frame);
        frame.Code.Add("}");
    }

    /// <summary>Leaves the function if an error can be seen here; what no run reaches is no opportunity.</summary>
    private void LeaveIf(Frame frame, string condition, bool canHappen, params int[] about)
    {
        frame.Code.Add($"if ({condition})", about);
        frame.Code.Add("{");
        LeaveHere(frame, canHappen);
        frame.Code.Add("}");
    }

    private void LeaveHere(Frame frame, bool canHappen)
    {
        if (!canHappen) _unreachable++;
        Leave(frame);
        if (!canHappen) _unreachable--;
    }

    /// <summary>Leaves the function after an error.</summary>
    private void Leave(Frame frame)
    {
        frame.HasFailed |= _unreachable == 0;
        for (int i = frame.Open.Count - 1; i >= 0; i--)
        {
            Obligation open = frame.Open[i];
            if (open.IsAutomatic) continue;
            if (open.Label is { } label)
            {
                Feature("goto unwind");
                int below = i - 1;
                while (below >= 0 && frame.Open[below].Label is null) below--;
                string? lower = below < 0 ? null : frame.Open[below].Label;
                // A wrong label that skipped another obligation too would be two defects under one name.
                bool skips = frame.Open.Skip(below + 1).Take(i - below - 1).Any(other => !other.IsAutomatic);
                bool wrong = CanLeak(open) && !skips && Here(open.IsSection ? Defect.UnlockedExit : Defect.Leak, open.Entity);
                frame.Code.Add("error = -EIO;");
                frame.Code.Add(!wrong ? $"goto {label};" : lower is not null ? $"goto {lower};" : "return error;", frame.Entities);
                return;
            }

            open.Undo();
        }

        frame.Code.Add(frame.Fail, frame.Entities);
    }

    /// <summary>Leaves the turn of a loop, or the loop.</summary>
    private void LeaveTurn(Frame frame)
    {
        Feature("continue or break");
        for (int i = frame.Open.Count - 1; i >= frame.LoopBase; i--)
            if (!frame.Open[i].IsAutomatic) frame.Open[i].Undo();
        frame.Code.Add(!frame.IsInSwitch && _dice.Chance(50) ? "break;" : "continue;", frame.Entities);
    }

    private static bool CanLeak(Obligation obligation) => obligation.Resource is not { IsShared: true };
}
