// Numbers, flags, nullness, equalities.

enum Mode { Off, Slow = 4, Fast = 8 }

unsafe class Values
{
    static extern int Next();
    static extern void* Find();

    const int Mask = 12;
    static readonly int s_limit = 7;
    readonly int _size;

    Values(int size) => _size = size;

    // ends: result = 3
    int Sum() { int a = 1; return a + 2; }

    // ends: result = 48
    int ShiftAndOr() => (1 << 5) | (1 << 4);

    // ends: result = IsWindows
    bool Asked() => OperatingSystem.IsWindows();

    // ends: result = 4
    int MaskedConstant() { int flags = 6; return flags & Mask; }

    // ends: result = -2
    int Complement() { int one = 1; return ~one; }

    // ends: result = 255
    int TruncatedByConversion() { int big = 511; return (byte)big; }

    // ends: result = 8
    Mode EnumConstant() { Mode mode = Mode.Fast; return mode; }

    // ends: result = 4
    int EnumAsNumber() => (int)Mode.Slow;

    // ends: result = n + 2
    int OffsetsAdd(int n) { n++; return n + 1; }

    // ends: result = n
    int OffsetsCancel(int n) { n += 5; n -= 5; return n; }

    // ends: result = 0
    int DifferenceOfEquals(int n) { int m = n; return m - n; }

    // ends: result = (n & 4)
    int Masked(int n) => n & 4;

    // ends: result = (n * 2)
    int Product(int n) => n * 2;

    // ends: result = 0
    int ProductWithZero(int n) { int zero = 0; return n * zero; }

    // ends: result = (n >> 3)
    int Shifted(int n) => n >> 3;

    // ends: n = 5
    void EqualIsKnown(int n) { if (n != 5) throw null; }

    // ends: n = 5, m = 5 | n = n, m = 0
    void EqualTellsOther(int n) { int m = 0; if (n == 5) m = n; }

    // ends: range(n) = 1..
    void GreaterThanZero(int n) { if (n <= 0) throw null; }

    // ends: range(n) = 1..9
    void BetweenTwoTests(int n) { if (n < 1 || n >= 10) throw null; }

    // ends: range(n) = ..3 | range(n) = 4..
    void BothSides(int n) { int m = n < 4 ? 1 : 2; Use(m); }
    static extern void Use(int n);

    // ends: range(n) = 0..255
    void ByteRange(byte n) { }

    // ends: range(n) = 0..100
    void Unsigned(uint n) { if (n > 100) throw null; if (n > 200) Use(1); }

    // ends: how = throw
    void Impossible(int n) { if (n > 5 && n < 3) return; if (n > 5) throw null; if (n <= 5) throw null; }

    // ends: a = 1, b = 1 | a = 0, b = 0
    void TwoTestsAgree(int n) { int a = 0, b = 0; if ((n & 8) != 0) a = 1; if ((n & 8) != 0) b = 1; }

    // ends: a = 1, b = 0 | a = 0, b = 1
    void OppositeTestsAgree(int n) { int a = 0, b = 0; if (n == 3) a = 1; if (n != 3) b = 1; }

    // ends: a = 1, b = 1 | a = 0, b = 0
    void ConditionInVariable(int n) { bool big = n > 7; int a = 0, b = 0; if (big) a = 1; if (big) b = 1; }

    // ends: a = 0 | a = 1
    void WriteBetweenTests(int n) { int a = 0; if (n == 3) return; n = Next(); if (n == 3) a = 1; }

    // ends: p = null | p = p
    void NullTest(void* p) { if (p == null) Use(0); else Use(1); }

    // ends: range(p) = 0..0 | range(p) = ..
    void NullIsZero(void* p) { if (p != null) Use(1); else Use(2); }

    // ends: p = q | p = p
    void PointersCompared(byte* p, byte* q) { if (p == q) Use(1); else Use(2); }

    // ends: n = 3 | n = 4
    void Conditional(bool x) { int n = x ? 3 : 4; }

    // ends: n = 3, x = 1 | n = 4, x = 0
    void ConditionalIsCorrelated(bool x) { int n = x ? 3 : 4; }

    // ends: n = 1
    void ReadonlyStatic() { int n = s_limit == s_limit ? 1 : 2; }

    // ends: a = 1, b = 1 | a = 0, b = 0
    void ReadonlyFieldSurvivesCalls() { int a = 0, b = 0; if (_size > 2) a = 1; Next(); if (_size > 2) b = 1; }

    // ends: n = ?Next()
    void UnknownCall() { int n = Next(); }

    // ends: a = 0, b = 0 | a = 1, b = 1
    void UnknownDecided() { int n = Next(); bool a = n == 2; int b = 0; if (a) b = 1; }

    // ends: n = 7
    void SwitchConstant() { int k = 2, n = 0; switch (k) { case 1: n = 5; break; case 2: n = 7; break; } }

    // ends: n = 5, k = 1 | n = 7, k = 2 | n = 0, k = k
    void SwitchUnknown(int k) { int n = 0; switch (k) { case 1: n = 5; break; case 2: n = 7; break; } }

    // ends: n = 1 | n = 2 | n = 3
    void SwitchExpression(int k) { int n = k switch { 0 => 1, > 5 => 2, _ => 3 }; }

    // ends: n = 1, range(k) = 6.. | n = 2, range(k) = ..5
    void RelationalPattern(int k) { int n = k is > 5 ? 1 : 2; }

    // ends: n = 1 | n = 2
    void OrPattern(Mode k) { int n = k is Mode.Slow or Mode.Fast ? 1 : 2; }

    // ends: n = 0 | n = 1
    void NullPattern(string s) { int n = s is null ? 0 : 1; }

    // ends: p = stack, n = 0
    void StackIsNotNull() { byte* p = stackalloc byte[8]; int n = p == null ? 1 : 0; }

    // ends: n = 0
    void AddressIsNotNull() { int x = 1; int* p = &x; int n = p == null ? 1 : 0; }

    // ends: x = 9
    void WriteThroughAddress() { int x = 1; int* p = &x; *p = 9; }

    // ends: result = p + 12
    int* PointerArithmetic(int* p) => p + 3;

    // ends: result = p + 6
    byte* BytesFromShorts(short* p) => (byte*)(p + 3);

    // ends: n = 1
    void BooleanAlgebra(bool x) { int n = x || !x ? 1 : 2; }

    // ends: result = (flags & 1024)
    uint FlagTest(uint flags) => flags & 0x400;
}
