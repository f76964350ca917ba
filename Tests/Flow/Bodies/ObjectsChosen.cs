// Objects that are made and filled in a part of an expression.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

class Box { public nint data; public string name; }

record Pair(nint Data);

record Settable { public nint Data { get; init; } }

struct Part { public nint data; public int size; }

class Bodies
{
    static readonly List<Box> s_all = new();
    static Box s_box;

    static nint Make() => Marshal.AllocHGlobal(8);
    static void Keep(Box box) => s_all.Add(box);

    static Box OrNothing(bool isEmpty) => isEmpty ? null : new Box { data = Make() };
    static Box OrWhatThereIs(Box box) => box ?? new Box { data = Make() };
    static Box ByNumber(int n) => n switch { 0 => new Box(), 1 => null, _ => new Box { data = Make(), name = "" } };
    static Box OneOfTwo(bool isEmpty, bool isNamed) => isEmpty ? null : isNamed ? new Box { data = Make(), name = isNamed ? "" : null } : new Box { data = Make() };
    static Pair PairOrNothing(bool isEmpty) => isEmpty ? null : new Pair(Make());
    static Settable SettableOrNothing(bool isEmpty) => isEmpty ? null : new Settable { Data = Make() };
    static Part PartOrNothing(bool isEmpty) => isEmpty ? default : new Part { data = Make() };

    static void ToAField(bool isEmpty) => s_box = isEmpty ? null : new Box { data = Make() };
    static void ToAList(bool isEmpty) => s_all.Add(isEmpty ? null : new Box { data = Make() });
    static void ToAMethod(bool isEmpty) => Keep(isEmpty ? null : new Box { data = Make() });
    static void ToAParameter(bool isEmpty, out Box box) => box = isEmpty ? null : new Box { data = Make() };

    static void Freed(bool isEmpty)
    {
        Box box = isEmpty ? null : new Box { data = Make() };
        if (box != null) Marshal.FreeHGlobal(box.data);
    }

    static void Lost(bool isEmpty)
    {
        Box box = isEmpty ? null : new Box { data = Make() };
        if (box == null) s_all.Clear();
    } // expect: KA4001

    static int LostByTheCaller(int n)
    {
        Box box = OrNothing(n < 3);
        if (n > 4) return 1; // expect: KA4001
        if (box != null) Marshal.FreeHGlobal(box.data);
        return 0;
    }

    static void PartFreed(bool isEmpty)
    {
        Part part = isEmpty ? default : new Part { data = Make(), size = isEmpty ? 0 : 8 };
        Marshal.FreeHGlobal(part.data);
    }

    static void PartLost(bool isEmpty)
    {
        Part part = isEmpty ? default : new Part { data = Make() };
        Console.WriteLine(part.size);
    } // expect: KA4001
}
