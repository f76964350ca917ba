// A circle of more methods than are followed one below the other: each is walked by itself, and a call within it may do anything. A parser of nested texts
// is such a circle: an expression holds a term, a term a factor, and so on down to an expression in brackets.

unsafe class Bodies
{
    private readonly byte* _text;
    private int _at;

    public Bodies(byte* text) => _text = text;

    int CalleeExpression(int depth) => CalleeSum(depth);

    int CalleeSum(int depth)
    {
        int sum = CalleeTerm(depth);
        while (_text[_at] == '+')
        {
            _at++;
            sum += CalleeTerm(depth);
        }

        return sum;
    }

    int CalleeTerm(int depth)
    {
        int product = CalleePower(depth);
        while (_text[_at] == '*') product *= CalleePower(depth);
        return product;
    }

    int CalleePower(int depth) => CalleeSign(depth);

    int CalleeSign(int depth)
    {
        if (_text[_at] != '-') return CalleeFactor(depth);
        _at++;
        return -CalleeSign(depth);
    }

    int CalleeFactor(int depth)
    {
        byte* scratch = (byte*)kmalloc(8, GFP_KERNEL);
        if (scratch == null) return 0;
        *scratch = _text[_at];
        int value = *scratch == '(' ? CalleeGroup(depth + 1) : CalleeNumber(depth);
        kfree(scratch);
        return value;
    }

    int CalleeGroup(int depth)
    {
        byte* kept = (byte*)kmalloc(8, GFP_KERNEL);
        if (kept == null) return -1;
        if (depth > 9) return -1; // expect: KA4001
        int value = CalleeExpression(depth);
        kfree(kept);
        return value;
    }

    int CalleeNumber(int depth) => _text[_at++] == '[' ? CalleeExpression(depth) : 1;

    void Parses()
    {
        byte* name = (byte*)kmalloc(8, GFP_KERNEL);
        if (name == null) return;
        CalleeExpression(0);
        kfree(name);
    }

    void ParsesAndLoses()
    {
        byte* name = (byte*)kmalloc(8, GFP_KERNEL);
        if (name == null) return;
        if (CalleeExpression(0) == 3) return; // expect: KA4001
        kfree(name);
    }
}
