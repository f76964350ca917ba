// Contracts written as text: the BCL's (BclContracts) and, through the same grammar, those that a user describes for a third-party API.
//
//   line     := type '.' member '(' parameters ')' ':' clause { ';' clause }
//   parameters := '*' (every overload) | [ name { ',' name } ]
//   clause   := operand 'allocates' family option*      | operand 'reallocates' family 'pointer=' name option*
//             | operand 'frees' family { '|' family } option* | operand 'views' name [ 'family=' family ]
//             | operand 'borrows' | operand 'consumes' | 'this' 'disposes' | 'return' 'tells' operand | 'sleeps' | 'sleeps-if' name
//             | 'blocks' | 'blocks-unless-zero' name
//             | 'enters' kind 'lock=' x option* | 'leaves' kind 'lock=' x      (kind: preempt, softirq, hardirq, rcu, sleeping)
//   operand  := 'return' | 'this' | parameter name
//   option   := 'taken=' name | 'tries' | 'left-by=' member | 'size=' x | 'count=' x | 'order=' x | 'flags=' x | 'cache=' x | 'freed-by=' member | 'may-be-null' | 'zeroed' | 'collected'
//
// A '#' starts a comment. A nested or generic type is written by its metadata name: System.Buffers.ArrayPool`1.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Model;

/// <summary>A line that could not be read: why, and where it stands.</summary>
internal readonly record struct ContractError(int Line, string Reason);

/// <summary>Contracts by type and member, as text says them. Binding to a method happens on look-up.</summary>
internal sealed class ContractTable
{
    private readonly Dictionary<string, List<Entry>> _entries = [];

    private sealed record Entry(string[]? Parameters, string[] Clauses, int Line);

    private readonly HashSet<string> _memberNames = [];

    /// <summary>The simple names of members that do more than borrow: what the identifier scan looks for.</summary>
    internal HashSet<string> EffectNames { get; } = [];

    /// <summary>The simple names of members that open a section.</summary>
    internal HashSet<string> EnteringNames { get; } = [];

    /// <summary>The simple names of members that close one.</summary>
    internal HashSet<string> LeavingNames { get; } = [];

    internal static ContractTable Parse(string text, List<ContractError>? errors = null)
    {
        var table = new ContractTable();
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            int comment = line.IndexOf('#');
            if (comment >= 0) line = line.Substring(0, comment);
            line = line.Trim();
            if (line.Length == 0) continue;
            if (table.AddLine(line, i) is { } reason) errors?.Add(new ContractError(i, reason));
        }

        return table;
    }

    private string? AddLine(string line, int number)
    {
        int open = line.IndexOf('('), close = line.IndexOf(')'), colon = close < 0 ? -1 : line.IndexOf(':', close);
        if (open <= 0 || close < open || colon < 0) return "expected 'Type.Member(parameters): clauses'";
        string path = line.Substring(0, open).Trim();
        int dot = path.LastIndexOf('.');
        if (dot <= 0) return "expected a type and a member before '('";
        string list = line.Substring(open + 1, close - open - 1).Trim();
        string[]? parameters = list == "*" ? null : list.Length == 0 ? [] : Split(list, ',');
        string[] clauses = Split(line.Substring(colon + 1), ';');
        if (clauses.Length == 0) return "expected a clause after ':'";
        foreach (string clause in clauses)
        {
            if (!IsClause(clause)) return $"'{clause}' is no clause";
            if (parameters is not null && UnknownOperand(Split(clause, ' '), parameters) is { } operand) return $"'{operand}' is no parameter of the line, 'return' or 'this'";
        }

        string key = path;
        if (!_entries.TryGetValue(key, out List<Entry>? entries)) _entries.Add(key, entries = []);
        entries.Add(new Entry(parameters, clauses, number));
        string name = path.Substring(dot + 1);
        _memberNames.Add(name);
        if (Array.Exists(clauses, clause => clause.StartsWith("enters ", StringComparison.Ordinal))) EnteringNames.Add(name);
        if (Array.Exists(clauses, clause => clause.StartsWith("leaves ", StringComparison.Ordinal))) LeavingNames.Add(name);
        if (!Array.TrueForAll(clauses, IsAside)) EffectNames.Add(name);
        return null;
    }

    /// <summary>What a clause is about, if that is nothing of the line.</summary>
    private static string? UnknownOperand(string[] words, string[] parameters)
    {
        string? operand = words[0] switch
        {
            "sleeps" or "blocks" or "enters" or "leaves" => null,
            "sleeps-if" or "blocks-unless-zero" => words[1],
            _ => words[0],
        };
        return operand is null or "return" or "this" || Array.IndexOf(parameters, operand) >= 0 ? null : operand;
    }

    /// <summary>Lines about types of the compilation that have no such member.</summary>
    internal IEnumerable<ContractError> Unbound(Compilation compilation)
    {
        foreach (KeyValuePair<string, List<Entry>> member in _entries)
        {
            int dot = member.Key.LastIndexOf('.');
            string typeName = member.Key.Substring(0, dot), name = member.Key.Substring(dot + 1);
            if (compilation.GetTypeByMetadataName(typeName) is not { } type) continue;
            foreach (Entry entry in member.Value)
            {
                bool isNamed = false, isMatched = false;
                foreach (IMethodSymbol method in MethodsOf(type, name))
                {
                    isNamed = true;
                    isMatched |= Matches(entry, method);
                }

                if (!isMatched) yield return new ContractError(entry.Line, isNamed ? $"no '{name}' of '{typeName}' has these parameters" : $"'{typeName}' has no member '{name}'");
            }
        }
    }

    private static IEnumerable<IMethodSymbol> MethodsOf(INamedTypeSymbol type, string name)
    {
        foreach (ISymbol member in type.GetMembers())
            if (member is IMethodSymbol method && (method.AssociatedSymbol?.Name ?? method.Name) == name) yield return method;
    }

    /// <summary>A clause that says nothing to a body that got no memory from elsewhere.</summary>
    private static bool IsAside(string clause) =>
        clause.EndsWith(" borrows", StringComparison.Ordinal) || clause.EndsWith(" disposes", StringComparison.Ordinal)
        || clause.StartsWith("return tells ", StringComparison.Ordinal) || clause == "return views this";

    private static bool IsClause(string clause)
    {
        string[] words = Split(clause, ' ');
        return words switch
        {
            ["sleeps"] or ["sleeps-if", _] or ["blocks"] or ["blocks-unless-zero", _] or [_, "borrows"] or [_, "consumes"] or ["this", "disposes"] or ["return", "tells", _] => true,
            ["enters" or "leaves", var kind, ..] => KindOf(kind) != SectionKind.None,
            [_, "allocates", _, ..] or [_, "reallocates", _, ..] or [_, "frees", _, ..] or [_, "views", _, ..] => true,
            _ => false,
        };
    }

    /// <summary>The contract of a method, or null.</summary>
    internal MethodContract? Find(IMethodSymbol method)
    {
        string name = method.AssociatedSymbol?.Name ?? method.Name;
        if (!_memberNames.Contains(name) || method.ContainingType is null) return null;
        if (!_entries.TryGetValue(MetadataName(method.ContainingType) + "." + name, out List<Entry>? entries)) return null;
        foreach (Entry entry in entries)
            if (Matches(entry, method)) return Bind(entry, method);
        return null;
    }

    private static bool Matches(Entry entry, IMethodSymbol method)
    {
        if (entry.Parameters is null) return true;
        if (entry.Parameters.Length != method.Parameters.Length) return false;
        for (int i = 0; i < entry.Parameters.Length; i++)
            if (method.Parameters[i].Name != entry.Parameters[i]) return false;
        return true;
    }

    private static MethodContract? Bind(Entry entry, IMethodSymbol method)
    {
        var contract = new MethodContract();
        foreach (string clause in entry.Clauses) BindClause(Split(clause, ' '), method, contract);
        return contract.IsEmpty ? null : contract;
    }

    private static void BindClause(string[] words, IMethodSymbol method, MethodContract contract)
    {
        switch (words[0])
        {
            case "sleeps":
                contract.Sleep = new SleepContract(OperandReference.None, false);
                return;
            case "sleeps-if":
                contract.Sleep = new SleepContract(AttributeContracts.Operand(method, words[1]), false);
                return;
            case "blocks" or "blocks-unless-zero":
                contract.Sleep = new SleepContract(words.Length > 1 ? AttributeContracts.Operand(method, words[1]) : OperandReference.None, false) { Blocks = true };
                return;
            case "enters":
                contract.Enter = new EnterContract(KindOf(words[1]))
                {
                    Lock = Option(words, method, "lock="),
                    LeftBy = OptionText(words, "left-by="),
                    Taken = Option(words, method, "taken="),
                    Tries = Array.IndexOf(words, "tries") >= 0,
                };
                return;
            case "leaves":
                contract.Leave = new LeaveContract(KindOf(words[1])) { Lock = Option(words, method, "lock=") };
                return;
        }

        OperandReference target = words[0] == "return" ? OperandReference.Result : AttributeContracts.Operand(method, words[0]);
        switch (words[1])
        {
            case "allocates" or "reallocates":
                contract.Allocations.Add(BindAllocation(words, method, target));
                break;
            case "frees" when target.IsPresent:
                contract.Frees.Add(new FreeContract(target, Split(words[2], '|'))
                {
                    Order = Option(words, method, "order="),
                    Cache = Option(words, method, "cache="),
                });
                break;
            case "views":
                contract.View = new ViewContract(AttributeContracts.Operand(method, words[2]), OptionText(words, "family="));
                break;
            case "tells":
                contract.Tells = AttributeContracts.Operand(method, words[2]);
                break;
            case "borrows" when target.Kind == OperandKind.Receiver:
                contract.BorrowsReceiver = true;
                break;
            case "borrows" when target.Kind == OperandKind.Parameter:
                contract.Borrowed.Add(target.Ordinal);
                break;
            case "disposes":
                contract.Disposes = true;
                break;
            case "consumes" when target.Kind == OperandKind.Receiver:
                contract.ConsumesReceiver = true;
                break;
            case "consumes" when target.Kind == OperandKind.Parameter:
                contract.Consumed[target.Ordinal] = ReturnCondition.Always;
                break;
        }
    }

    private static SectionKind KindOf(string word) => word switch
    {
        "preempt" => SectionKind.Preempt,
        "softirq" => SectionKind.SoftIrq,
        "hardirq" => SectionKind.HardIrq,
        "rcu" => SectionKind.Rcu,
        "sleeping" => SectionKind.Sleeping,
        _ => SectionKind.None,
    };

    private static AllocationContract BindAllocation(string[] words, IMethodSymbol method, OperandReference target) => new(target, words[2])
    {
        FreedBy = OptionText(words, "freed-by="),
        Size = Option(words, method, "size="),
        Count = Option(words, method, "count="),
        Order = Option(words, method, "order="),
        Flags = Option(words, method, "flags="),
        Cache = Option(words, method, "cache="),
        Old = Option(words, method, "pointer="),
        MayReturnNull = Array.IndexOf(words, "may-be-null") >= 0,
        Zeroed = Array.IndexOf(words, "zeroed") >= 0,
        Collected = Array.IndexOf(words, "collected") >= 0,
    };

    private static OperandReference Option(string[] words, IMethodSymbol method, string key) => AttributeContracts.Operand(method, OptionText(words, key));

    private static string? OptionText(string[] words, string key)
    {
        foreach (string word in words)
            if (word.StartsWith(key, StringComparison.Ordinal)) return word.Substring(key.Length);
        return null;
    }

    private static string[] Split(string text, char separator)
    {
        string[] parts = text.Split([separator], StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < parts.Length; i++) parts[i] = parts[i].Trim();
        return parts;
    }

    private static string MetadataName(INamedTypeSymbol type)
    {
        if (type.ContainingType is { } outer) return MetadataName(outer) + "+" + type.MetadataName;
        return type.ContainingNamespace is { IsGlobalNamespace: false } ns ? ns.ToDisplayString() + "." + type.MetadataName : type.MetadataName;
    }
}
