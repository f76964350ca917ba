// Collections of .NET that a body makes and fills with pointers itself: what is at a place that is known is what was put there. Whoever gets the
// collection, or reads a place of it that is not known, may free what is in it: no claim is made about its end any more.
//
//   var all = new List<nint>();      length = 0
//   all.Add(p);                      Item(all, 0) = p, length = 1
//   all[0], foreach (… in all)       Item(all, 0)
//   all.Sort();                      unknown code of .NET: what all holds is let out and forgotten
//
// The places are cells below the object, and so go with it when it gets out.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Marks what an enumerator keeps.</summary>
    private const int EnumeratorTag = 10;

    /// <summary>Of an enumerator's slots: what it gives are objects, and no boxes of numbers.</summary>
    private const int GivesObjects = 3;

    /// <summary>Of an enumerator's slots: what it gives are structs.</summary>
    private const int GivesStructs = 4;

    /// <summary>Marks what a collection was asked for.</summary>
    private const int AskedTag = 11;

    /// <summary>So many elements are given to a function one by one.</summary>
    private const int MaximalCalls = 4;

    /// <summary>A collection of pointers as integers, for pointers themselves cannot be in one, or of what may hold some. Of a list of other numbers it is known how many there are.</summary>
    private static bool IsCollection(ITypeSymbol? type) =>
        type is INamedTypeSymbol { TypeArguments: { Length: > 0 } arguments, ContainingNamespace: { Name: "Generic" or "Concurrent", ContainingNamespace.Name: "Collections" } }
        && type.Name is "List" or "Stack" or "Queue" or "LinkedList" or "HashSet" or "Dictionary" or "ConcurrentStack" or "ConcurrentQueue" or "ConcurrentBag"
        && (CanHold(arguments[arguments.Length - 1]) || (type.Name == "List" && TypeShapes.IsPrimitive(arguments[0])) || (IsRow(type) && CanHoldAsParts(arguments[0])));

    /// <summary>What a collection of pointers holds that is followed across calls.</summary>
    internal static ITypeSymbol? HeldBy(ITypeSymbol? type) => IsCollection(type) && HoldsPointers(type) ? ((INamedTypeSymbol)type!).TypeArguments[^1] : null;

    /// <summary>A collection of pointers under any of its types.</summary>
    private static bool HoldsPointers(ITypeSymbol? type) =>
        type is INamedTypeSymbol { IsReferenceType: true, TypeArguments: { Length: > 0 } arguments, ContainingNamespace: { Name: "Generic" or "Concurrent", ContainingNamespace.Name: "Collections" } }
        && (CanHold(arguments[arguments.Length - 1]) || CanHoldAsParts(arguments[arguments.Length - 1]));

    /// <summary>Its items are numbered as they come.</summary>
    private static bool IsRow(ITypeSymbol type) => type.Name is "List" or "Stack" or "Queue" or "ConcurrentStack" or "ConcurrentQueue";

    /// <summary>A struct of this compilation with a field for a pointer: each item is a copy, and lies where it is as its parts.</summary>
    private static bool CanHoldAsParts(ITypeSymbol element) =>
        !TypeShapes.IsScalar(element) && element is { IsValueType: true, DeclaringSyntaxReferences.IsEmpty: false } && StructParts.CanLead(element);

    /// <summary>A list or an array, whose elements have the same names as the items of a list.</summary>
    private static bool IsListOfPointers(ITypeSymbol? type) => type is { TypeKind: TypeKind.Interface, Name: "IList" or "IReadOnlyList" } && HoldsPointers(type);

    /// <summary>A pointer, also in a box, a function that may capture one, or an object of a class of this compilation with a field for one.</summary>
    private static bool CanHold(ITypeSymbol element) =>
        TypeShapes.IsPointer(element) || element.SpecialType == SpecialType.System_Object || element.TypeKind == TypeKind.Delegate
        || (element is INamedTypeSymbol { TypeKind: TypeKind.Class, DeclaringSyntaxReferences.IsEmpty: false } own && TypeMembers.Of(own).HoldsPointer);

    private static bool IsDictionary(ITypeSymbol type) => type.Name == "Dictionary";

    private Value ItemOf(Value collection, Value key) => Symbols.Make(SymbolKind.Element, _state.Canonical(collection), _state.Canonical(key), 0);

    /// <summary>A key as the number that names its item: of a text one that hangs on what it says alone.</summary>
    private Value KeyOf(Value key)
    {
        key = _state.Canonical(key);
        if (key.Offset != 0 || Symbols.Of(key) is not { Kind: SymbolKind.New, Item: string text }) return key;
        const ulong Basis = 14695981039346656037, Prime = 1099511628211;
        ulong hash = Basis;
        foreach (char letter in text) hash = unchecked((hash ^ letter) * Prime);
        return Value.Constant(unchecked((long)hash));
    }

    /// <summary>Where a collection keeps its length, which changes: apart from each of its items.</summary>
    private Value CountSlot(Value collection) => Symbols.Make(SymbolKind.Element, _state.Canonical(collection), Value.Constant(long.MinValue), LengthTag);

    private bool TryCount(Value collection, out long count)
    {
        bool known = _state.TryPeek(CountSlot(collection), out Value value) && value.IsConstant;
        count = known ? value.Offset : 0;
        return known;
    }

    /// <summary>How many items there are. What cannot be told, some item or all of them as "Values", lets them out.</summary>
    private bool TryCountOf(IPropertyReferenceOperation property, Value collection, out Value value)
    {
        value = default;
        if (!HoldsPointers(property.Instance?.Type) && !(property.Instance?.Type is { TypeKind: TypeKind.Interface } && TryLength(collection, out _))) return false;
        bool isKnown = TryCount(collection, out long count) && property is { Property.Name: "Count", Instance.Type: INamedTypeSymbol { TypeArguments.Length: 1 } };
        if (isKnown) value = Value.Constant(count);
        else if (property.Property.Name == "Count" && IsOfCaller(property.Instance?.Type, collection)) value = LoadAt(CountSlot(collection), 0, int.MaxValue);
        else Escape(collection);
        return isKnown || !value.IsConstant;
    }

    /// <summary>How many elements an array or a collection has.</summary>
    private bool TryLength(Value whole, out long length)
    {
        if (TryCount(whole, out length)) return true;
        bool known = _state.TryPeek(LengthSlot(whole), out Value value) && value.IsConstant;
        length = known ? value.Offset : 0;
        return known;
    }

    /// <summary>A new collection is empty.</summary>
    private void BeginCollection(Value collection, IObjectCreationOperation creation)
    {
        if (!IsCollection(creation.Type) || (creation.Arguments.Length > 0 && creation.Arguments[0].Parameter?.Type.SpecialType != SpecialType.System_Int32)) return;
        _state.Store(CountSlot(collection), Value.Zero);
    }

    /// <summary>Whether something is in a collection is the same until something is done with the collection.</summary>
    private bool TryContains(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (method is not { Name: "Contains" or "ContainsKey" or "ContainsValue", Parameters: [{ RefKind: RefKind.None, Type: var key }], ReturnType.SpecialType: SpecialType.System_Boolean }) return false;
        if (invocation.Instance is not { Type.IsReferenceType: true } instance || !CallEffects.IsBcl(method) || !TypeShapes.IsScalar(key) || HoldsPointers(instance.Type)) return false;
        Value collection = Eval(instance), asked = Eval(invocation.Arguments[0].Value);
        if (!_dead) value = LoadAt(Symbols.Make(SymbolKind.Element, _state.Canonical(collection), _state.Canonical(asked), AskedTag, method.Name), 0, 1);
        return true;
    }

    /// <summary><c>all.Any()</c> and <c>all.Count()</c> ask for the count.</summary>
    private bool TryAny(IInvocationOperation invocation, out Value value)
    {
        value = default;
        if (invocation is not { TargetMethod: { Name: "Any" or "Count", ContainingType: { Name: "Enumerable", ContainingNamespace.Name: "Linq" } }, Arguments: [{ Value: var source }] }) return false;
        while (source is IConversionOperation { OperatorMethod: null } conversion) source = conversion.Operand;
        if (source.Type is not { } type || !(type is IArrayTypeSymbol || CountOf(type) is not null)) return false;
        Value all = Eval(source);
        if (!_dead && CountPlace(_state.Canonical(all), type) is { } place) value = _state.Canonical(LoadAt(place, 0, int.MaxValue));
        if (invocation.TargetMethod.Name == "Any") value = _state.Binary(Operator.Less, Value.Zero, value);
        return true;
    }

    /// <summary><c>all.First()</c>, of what comes out in the order in which it went in.</summary>
    private bool TryFirst(IInvocationOperation invocation, out Value value)
    {
        value = default;
        if (invocation is not { TargetMethod: { Name: "First" or "Single", ContainingType: { Name: "Enumerable", ContainingNamespace.Name: "Linq" } }, Arguments: [{ Value: var source }] }) return false;
        while (source is IConversionOperation { OperatorMethod: null } conversion) source = conversion.Operand;
        if (HeldBy(source.Type) is not { } held || source.Type!.Name is not ("List" or "HashSet" or "Queue" or "LinkedList")) return false;
        Value all = Eval(source);
        if (_dead) return true;
        bool isKnown = TryCount(all, out long count) ? count > 0 : IsOfCaller(all);
        value = isKnown ? LoadAt(ItemOf(all, Value.Zero), held) : Apply(new CallSite(invocation, invocation.TargetMethod, null) { Arguments = { [0] = all } });
        return true;
    }

    /// <summary><c>Array.ForEach</c> and <c>List.ForEach</c> over elements that are known: as many calls of the function.</summary>
    private bool TryForEach(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (method.Name != "ForEach" || !CallEffects.IsBcl(method) || method.Parameters[method.Parameters.Length - 1].Type is not INamedTypeSymbol { DelegateInvokeMethod: { Parameters: [{ Type: var element }] } signature } || !TypeShapes.IsScalar(element)) return false;
        var call = new CallSite(invocation, method, invocation.Instance);
        EvalReceiver(call, invocation.Instance);
        EvalArguments(call, invocation.Arguments);
        if (_dead) return true;
        Value source = method.IsStatic ? call.Arguments[0] : call.Receiver, function = call.Arguments[call.Arguments.Length - 1];
        if (!TryLength(source, out long length) || length > MaximalCalls || Symbols.KindOf(_state.Canonical(function)) != SymbolKind.Function)
        {
            value = Apply(call);
            return true;
        }

        int outerPath = _callPath;
        for (int i = 0; i < length && !_dead; i++)
        {
            _callPath = unchecked((outerPath * 31) + i);
            CallValue(new CallSite(invocation, signature, null), signature, function, [_state.Load(ItemOf(source, Value.Constant(i)))]);
        }

        _callPath = outerPath;
        return true;
    }

    /// <summary>The collection was there before the body: what it does with that is done again where somebody knows what is in there.</summary>
    private bool IsOfCaller(ITypeSymbol? type, Value collection) => HeldBy(type) is not null && IsOfCaller(collection);

    private bool IsOfCaller(Value whole) => Symbols[Symbols.Root(_state.Canonical(whole))].Kind is SymbolKind.Argument or SymbolKind.Load or SymbolKind.This;

    /// <summary>The item that an index or a key means, where the body or its caller put it there.</summary>
    private bool TryItem(IPropertyReferenceOperation property, out Value place)
    {
        if (TryEnd(property, out place)) return true;
        if (property is not { Instance: { } instance, Arguments.Length: 1 } || !(IsCollection(instance.Type) || IsListOfPointers(instance.Type))) return false;
        Value collection = Eval(instance), key = KeyOf(Eval(property.Arguments[0].Value));
        if (_dead || !key.IsConstant || !(TryCount(collection, out _) || (IsOfCaller(collection) && HoldsPointers(instance.Type)))) return false;
        NoteWalk(collection, property.Arguments[0].Value, property.Type);
        place = ItemOf(collection, key);
        return true;
    }

    /// <summary><c>all.First.Value</c> and <c>all.Last.Value</c> of linked lists.</summary>
    private bool TryEnd(IPropertyReferenceOperation property, out Value place)
    {
        place = default;
        if (property is not { Property: { Name: "Value", ContainingType.Name: "LinkedListNode" }, Instance: IPropertyReferenceOperation { Property.Name: "First" or "Last", Instance: { } list } end } || !IsCollection(list.Type)) return false;
        Value all = Eval(list);
        if (_dead || !(TryCount(all, out _) || IsOfCaller(list.Type, all))) return false;
        place = ItemOf(all, end.Property.Name == "First" ? Value.Zero : LoadAt(CountSlot(all), 0, int.MaxValue).Plus(-1));
        return true;
    }

    /// <summary>A loop over an array, or over a list that the body filled: neither grows during the loop.</summary>
    private bool TryEnumerate(IInvocationOperation invocation, IOperation instance, out Value value)
    {
        value = default;
        IOperation source = instance;
        while (source is IConversionOperation { OperatorMethod: null, IsImplicit: true } conversion) source = conversion.Operand;
        if (invocation.TargetMethod.Name == "GetEnumerator")
        {
            if (IsOfNumbers(source.Type)) return TryEnumerateNumbers(invocation, instance, out value);
            if (IsSpan(source.Type)) return TryEnumerateSpan(invocation, source, out value);
            if ((Iterators.GoneThrough(source) ?? EnumeratedIn(source.Type)) is not { } element) return false;
            Value collection = _state.Canonical(Eval(instance));
            if (_dead) return true;
            bool isKnown = TryLength(collection, out long length);
            Value? place = isKnown ? null : IsOfCaller(source.Type, collection) ? CountSlot(collection) : CountPlace(collection, source.Type!);
            if (!isKnown && (place is null || !TypeShapes.IsScalar(element)))
            {
                value = Apply(new CallSite(invocation, invocation.TargetMethod, instance) { Receiver = collection });
                return true;
            }

            if (element.IsReferenceType && !IsCollection(source.Type)) LetOutElements(default, collection);
            value = EnumeratorOf(invocation, collection, place is { } count ? LoadAt(count, 0, int.MaxValue) : Value.Constant(length));
            if (element.IsReferenceType) _state.Store(EnumeratorSlot(value, GivesObjects), Value.One);
            if (!TypeShapes.IsScalar(element)) _state.Store(EnumeratorSlot(value, GivesStructs), Value.One);
            return true;
        }

        Value enumerator = EnumeratorAt(instance);
        if (_dead || (invocation.TargetMethod.Name == "Dispose" && _state.TryPeek(EnumeratorSlot(enumerator, 0), out _))) return true;
        if (!TryEnumerator(enumerator, out Value before, out Value end))
        {
            value = Apply(new CallSite(invocation, invocation.TargetMethod, instance) { Receiver = enumerator, ReceiverIsPlace = instance.Type is { IsReferenceType: false } && IsPlace(instance) });
            return true;
        }

        _state.Store(EnumeratorSlot(enumerator, 1), before.Plus(1));
        value = _state.Binary(Operator.Less, before.Plus(1), end);
        return true;
    }

    private Value EnumeratorAt(IOperation instance) => IsPlace(instance) && instance.Type is { IsValueType: true } ? Address(instance) : Eval(instance);

    /// <summary>Where an enumerator stands, if that is known, and where it ends.</summary>
    private bool TryEnumerator(Value enumerator, out Value at, out Value end)
    {
        end = default;
        return _state.TryPeek(EnumeratorSlot(enumerator, 1), out at) && at.IsConstant && _state.TryPeek(EnumeratorSlot(enumerator, 2), out end);
    }

    /// <summary>The elements that an iterator gives, as a list.</summary>
    internal Value Given(IMethodSymbol iterator) => Symbols.Make(SymbolKind.New, item: iterator.DeclaringSyntaxReferences[0].GetSyntax());

    private void Give(Value element)
    {
        Value list = Given(_runner.Method!);
        TryCount(list, out long count);
        _state.Store(ItemOf(list, Value.Constant(count)), element);
        _state.Store(CountSlot(list), Value.Constant(count + 1));
    }

    /// <summary>What an array, a text or a collection of .NET gives one by one, if that is followed.</summary>
    private ITypeSymbol? EnumeratedIn(ITypeSymbol? whole)
    {
        if (whole is IArrayTypeSymbol { Rank: 1 } array) return TypeShapes.IsPrimitive(array.ElementType) || TypeShapes.IsPointer(array.ElementType) || array.ElementType.IsReferenceType || (!TypeShapes.IsScalar(array.ElementType) && CanLead(array.ElementType)) ? array.ElementType : null;
        if (whole is not INamedTypeSymbol named) return null;
        if (IsCollection(named)) return named.Name is "List" or "Queue" or "LinkedList" or "HashSet" ? named.TypeArguments[0] : null;
        if (CountOf(named) is null) return null;
        if (named.SpecialType == SpecialType.System_String) return named.GetMembers("this[]").OfType<IPropertySymbol>().FirstOrDefault()?.Type;
        return named.TypeArguments is [var element] && (element.IsReferenceType || (TypeShapes.IsPrimitive(element) && !TypeShapes.IsPointer(element))) ? element : null;
    }

    private Value EnumeratorOf(IOperation site, Value source, Value length)
    {
        // The loop's syntax is also that of what it goes through.
        Value enumerator = site.Type is { IsReferenceType: true } ? Symbols.Make(SymbolKind.New, tag: unchecked(((_callPath * 31) + _state.Turn) ^ SpannedTag), item: site.Syntax) : FreshRegion(site);
        _state.Store(EnumeratorSlot(enumerator, 0), source);
        _state.Store(EnumeratorSlot(enumerator, 1), Value.Constant(-1));
        _state.Store(EnumeratorSlot(enumerator, 2), length);
        return enumerator;
    }

    /// <summary>What an enumerator keeps: its source, where it stands, and where it ends.</summary>
    private Value EnumeratorSlot(Value enumerator, int part) => Symbols.Make(SymbolKind.Element, _state.CanonicalAddress(enumerator), Value.Constant(part), EnumeratorTag);

    /// <summary>What an enumerator stands at.</summary>
    private bool TryCurrent(IPropertyReferenceOperation property, out Value value)
    {
        value = default;
        if (property is not { Property.Name: "Current", Instance: { } instance }) return false;
        Value enumerator = EnumeratorAt(instance);
        if (_dead || !TryEnumerator(enumerator, out Value at, out _) || !_state.TryPeek(EnumeratorSlot(enumerator, 0), out Value source)) return false;
        bool isStruct = _state.TryPeek(EnumeratorSlot(enumerator, GivesStructs), out _);
        if (_state.TryPeek(FirstSlot(source), out Value first))
        {
            value = _state.Binary(Operator.Add, first, at);
        }
        else
        {
            NoteWalk(source, null, null);
            value = isStruct ? ItemOf(source, at) : _state.Load(ItemOf(source, at));
        }

        if (property.Type is not { IsReferenceType: true } || _state.TryPeek(EnumeratorSlot(enumerator, GivesObjects), out _)) return true;
        // The enumerator of an array of numbers gives objects.
        Value box = FreshObject(property);
        if (isStruct) _state.CopyStruct(box, value);
        else _state.Store(box, value);
        value = box;
        return true;
    }
}
