// Where a field lies in a struct, by the layout the runtime gave it. Marshal.OffsetOf answers for the marshalled layout, which differs as soon as a
// struct holds a bool or a char, and C# has no offsetof; so the field is found by experiment: which byte of a zeroed struct changes it?
// Cost: a few microseconds once per field, then a dictionary look-up; keep the result in a static readonly field. Kernel concept: offsetof.

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class FieldOffsets
{
    private const BindingFlags Instance = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly ConcurrentDictionary<(Type, string), nuint> s_known = new();

    internal static nuint Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields)] T>(string name)
        where T : unmanaged
    {
        if (s_known.TryGetValue((typeof(T), name), out nuint offset)) return offset;
        FieldInfo field = typeof(T).GetField(name, Instance)
            ?? throw new ArgumentException($"{typeof(T).Name} has no field '{name}'.", nameof(name));
        return s_known[(typeof(T), name)] = Find<T>(field);
    }

    private static nuint Find<T>(FieldInfo field) where T : unmanaged
    {
        object box = default(T);
        ref byte bytes = ref Unsafe.As<T, byte>(ref Unsafe.Unbox<T>(box));
        object? zero = field.GetValue(box);
        for (int i = 0; i < sizeof(T); i++)
        {
            Unsafe.Add(ref bytes, i) = 1;
            object? value = field.GetValue(box);
            Unsafe.Add(ref bytes, i) = 0;

            // A pointer comes in a box of its own kind.
            bool changed = value is Pointer pointer ? Pointer.Unbox(pointer) != null : !Equals(value, zero);
            if (changed) return (nuint)i;
        }

        throw new ArgumentException($"Field '{field.Name}' of {typeof(T).Name} is empty.", nameof(field));
    }
}
