// Virtual and interface calls: the body that is known to run; else the bodies that can, if they do the same as far as a caller can tell; else unknown
// code, which the caller of this body may know better.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private Value ApplyVirtual(CallSite call)
    {
        ITypeSymbol? receiverType = call.ReceiverSyntax is { } syntax ? TypeBehind(syntax) : null;
        if (analysis.Dispatch.Certain(call.Method, call.ReceiverSyntax, Symbols.ClassOf(_state.Canonical(call.Receiver))) is { } body) return ApplyBody(call.As(body));
        IReadOnlyList<IMethodSymbol> bodies = analysis.Dispatch.BodiesOf(call.Method, receiverType);
        if (analysis.Dispatch.IsClosed(call.Method, receiverType) && CommonOf(bodies) is { } common) return ApplyBody(call.As(common));
        return call.Method is { MethodKind: MethodKind.PropertyGet or MethodKind.PropertySet, AssociatedSymbol: IPropertySymbol { Parameters.IsEmpty: true } property } ? AccessField(call, property) : ApplyOpen(call, bodies);
    }

    /// <summary>A property of an unknown class behaves like a field until unknown code runs: two reads of it agree.</summary>
    private Value AccessField(CallSite call, IPropertySymbol property)
    {
        Value place = Symbols.Field(_state.CanonicalAddress(call.Receiver), property);
        if (call.Method.MethodKind == MethodKind.PropertyGet) return LoadAt(place, property.Type);
        Escape(call.Arguments[0]);
        _state.Store(place, call.Arguments[0]);
        return Value.Zero;
    }

    /// <summary>Runs the body that was found; an automatic property is a field of the object.</summary>
    private Value ApplyBody(CallSite call)
    {
        if (call.Method.AssociatedSymbol is not IPropertySymbol { Parameters.IsEmpty: true } property || !TypeShapes.IsAutomatic(property) || TypeShapes.IsWrapper(property.ContainingType)) return Apply(call);
        Value place = Symbols.Field(_state.CanonicalAddress(call.Receiver), property);
        if (call.Method.MethodKind == MethodKind.PropertyGet) return LoadAt(place, property.Type);
        if (!TypeShapes.IsScalar(property.Type)) StoreStruct(place, call.Arguments[0], property.Type);
        else StoreValue(place, call.Arguments[0], call.Operation);
        return Value.Zero;
    }

    /// <summary>An accessor of a class or interface of this compilation that others override or implement.</summary>
    private bool IsDispatched(IMethodSymbol accessor, IOperation? receiver) =>
        Dispatch.IsVirtual(accessor, receiver) && analysis.Dispatch.BodiesOf(accessor, receiver is null ? null : TypeBehind(receiver)).Count > 0;

    /// <summary>The class is not known here. If it matters, the caller is asked.</summary>
    private Value ApplyOpen(CallSite call, IReadOnlyList<IMethodSymbol> bodies)
    {
        bool isCollection = HeldBy(call.Method.ContainingType) is { } held && TypeShapes.IsScalar(held);
        bool acts = Matters(bodies), callerKnows = IsOfCaller(call.Receiver) && (isCollection || acts || Uses(bodies));
        Log? before = _state.Log;
        if (isCollection && call.ReceiverSyntax is null)
        {
            // Performed again, of something that is not known here either.
            Escape(call.Receiver);
            _state.Forget(call.Receiver);
        }

        List<Value> captured = callerKnows ? CapturedBy(call.Arguments) : [];
        Value result = ApplyUnknown(call);
        if (callerKnows && !_dead)
        {
            var site = new LogSite(call.Syntax, call.Method, call.Inner);
            Defer(before, new Primitive(PrimitiveKind.Call, _state.Canonical(call.Receiver), result) { More = new Operands(Arguments: [.. call.Arguments]), Site = site, Contract = new DeferredCall(call.Method, bodies, acts) }, captured);
            Symbols.SetOpen(result);
            ReadWritten(call);
        }

        return result;
    }

    /// <summary>What functions capture that are among the values. Whoever performs a call with them again gets them without it.</summary>
    private List<Value> CapturedBy(IEnumerable<Value> functions)
    {
        var captured = new List<Value>();
        foreach (Value function in functions)
        {
            if (Symbols.Of(function).Item is not FunctionValue { Captures: { } captures }) continue;
            foreach (ISymbol variable in captures) captured.AddRange(ContentsOf(analysis.PlaceOf(variable)));
        }

        return captured;
    }

    /// <summary>The caller performs the call instead.</summary>
    private void Defer(Log? before, Primitive call, List<Value> captured)
    {
        _state.Rewind(before, call);
        foreach (Value value in captured) NoteEscape(_state.Canonical(value));
    }

    /// <summary>What a call that is performed again writes where it is told to is what this body reads there.</summary>
    private void ReadWritten(CallSite call)
    {
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            if (call.Method.Parameters[i] is not { RefKind: RefKind.Out or RefKind.Ref, Type: var type } || !TypeShapes.IsScalar(type)) continue;
            (long low, long high) = TypeShapes.RangeOf(type);
            Value place = _state.CanonicalAddress(call.Arguments[i]), written = Symbols.Unknown(call.Syntax, Tag(call, 6 + i), low, high);
            Symbols.SetOpen(written);
            _state.Note(new Primitive(PrimitiveKind.Load, place, written));
            _state.Store(place, written);
        }
    }

    /// <summary>A virtual call of a callee, performed again where its receiver may be known.</summary>
    private Value ApplyDeferred(CallSite site, DeferredCall deferred, Value receiver, IReadOnlyList<Value> arguments)
    {
        CallSite call = site.Of(deferred.Method, receiver, arguments);
        if (HeldBy(deferred.Method.ContainingType) is not null) return ApplyToCollection(call);
        return Symbols.ClassOf(_state.Canonical(receiver)) is { } type && Dispatch.Resolve(deferred.Method, type) is { IsAbstract: false } body
            ? Apply(site.Of(body, receiver, arguments)) : ApplyOpen(call, deferred.Bodies);
    }

    private static ITypeSymbol? TypeBehind(IOperation receiver)
    {
        while (receiver is Microsoft.CodeAnalysis.Operations.IConversionOperation { OperatorMethod: null, IsImplicit: true } conversion) receiver = conversion.Operand;
        return receiver.Type;
    }

    /// <summary>The first of a few bodies that all do the same.</summary>
    private IMethodSymbol? CommonOf(IReadOnlyList<IMethodSymbol> bodies)
    {
        foreach (IMethodSymbol body in bodies)
            if (analysis.Dispatch.IsOpen(body)) return null;
        if (bodies.Count == 1) return bodies[0];
        if (bodies.Count is 0 or > Dispatch.MaximalJoined) return null;
        string? shape = null;
        foreach (IMethodSymbol body in bodies)
        {
            if (analysis.Model.Find(body) is { IsModelled: true } || analysis.SummaryOf(body) is not { } summary || (shape is not null && summary.Shape != shape)) return null;
            shape = summary.Shape;
        }

        return bodies[0];
    }

    private bool Matters(IReadOnlyList<IMethodSymbol> bodies)
    {
        foreach (IMethodSymbol body in bodies)
            if (analysis.SummaryOf(body) is { HasEffect: true } || analysis.Model.Find(body) is { HasEffect: true }) return true;
        return false;
    }

    /// <summary>Reads or writes what it is passed.</summary>
    private bool Uses(IReadOnlyList<IMethodSymbol> bodies)
    {
        foreach (IMethodSymbol body in bodies)
            if (analysis.SummaryOf(body) is { UsesArguments: true }) return true;
        return false;
    }
}
