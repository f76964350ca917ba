// Loops without a turn: what their turns put away is not lost where there is none, what they leave alone is.

unsafe class Bodies
{
    sealed class Table { internal float* first; internal float*[] rows = new float*[4]; }

    static readonly List<nint> s_all = new();

    static void Fill(float** rows) => rows[0][0] = 1;

    [DllImport("native")] static extern void Use(nint data);

    static bool Take(float* p) => Console.KeyAvailable && p != null;

    // Rows of one block: the first of them is the block.

    static void RowsOfOneBlock(int rows, int columns)
    {
        float** all = (float**)NativeMemory.Alloc((nuint)rows, (nuint)sizeof(float*));
        float* data = (float*)NativeMemory.Alloc((nuint)rows * (nuint)columns, sizeof(float));
        for (int i = 0; i < rows; i++) all[i] = data + (i * columns);
        Fill(all);
        NativeMemory.Free(all[0]);
        NativeMemory.Free(all);
    }

    static void RowsOfOneBlockFreedTwice(int rows, int columns)
    {
        float** all = (float**)NativeMemory.Alloc((nuint)rows, (nuint)sizeof(float*));
        float* data = (float*)NativeMemory.Alloc((nuint)rows * (nuint)columns, sizeof(float));
        for (int i = 0; i < rows; i++) all[i] = data + (i * columns);
        NativeMemory.Free(all[0]);
        NativeMemory.Free(data); // expect: KA4005
        NativeMemory.Free(all);
    }

    static void RowsOfOneBlockLost(int rows, int columns)
    {
        float** all = (float**)NativeMemory.Alloc((nuint)rows, (nuint)sizeof(float*));
        float* data = (float*)NativeMemory.Alloc((nuint)rows * (nuint)columns, sizeof(float));
        for (int i = 0; i < rows; i++) all[i] = data + (i * columns);
        NativeMemory.Free(all);
    } // expect: KA4001

    static float** RowsFor(int rows, int columns)
    {
        float** all = (float**)NativeMemory.Alloc((nuint)rows, (nuint)sizeof(float*));
        float* data = (float*)NativeMemory.Alloc((nuint)rows * (nuint)columns, sizeof(float));
        for (int i = 0; i < rows; i++) all[i] = data + (i * columns);
        return all;
    }

    static void FreeRows(float** all)
    {
        NativeMemory.Free(all[0]);
        NativeMemory.Free(all);
    }

    static void RowsAcrossCalls(int rows)
    {
        float** all = RowsFor(rows, 8);
        Fill(all);
        FreeRows(all);
    }

    static void RowsOfAnObject(int rows)
    {
        var table = new Table();
        float* data = (float*)NativeMemory.Alloc(64);
        for (int i = 0; i < rows; i++) table.rows[i] = data + i;
        NativeMemory.Free(table.rows[0]);
    }

    static void ForEachRow(List<int> columns)
    {
        var table = new Table();
        float* data = (float*)NativeMemory.Alloc(64);
        foreach (int column in columns) table.first = data;
        NativeMemory.Free(table.first);
    }

    // What every turn leaves alone, and what is lost with or without turns.

    static void OnlyRead(int n)
    {
        float* data = (float*)NativeMemory.Alloc(64);
        for (int i = 0; i < n; i++) data[i] = 1;
    } // expect: KA4001

    static float OnlyReadAndFreedInside(int n)
    {
        float* data = (float*)NativeMemory.Alloc(64);
        float sum = 0;
        for (int i = 0; i < n; i++) sum += data[i];
        if (n > 0) NativeMemory.Free(data);
        return sum; // expect: KA4001
    }

    static void FreedInOneTurn(int n)
    {
        float* data = (float*)NativeMemory.Alloc(64);
        for (int i = 0; i < n; i++)
        {
            if (Take(data)) continue;
            NativeMemory.Free(data);
            break;
        }
    } // expect: KA4001

    // Whoever was given it in a turn was not where there is none.

    static void LentInEachTurn(int n)
    {
        nint data = (nint)NativeMemory.Alloc(64);
        for (int i = 0; i < n; i++) Use(data);
    } // expect: KA4001

    static void AddedIfThereIsAny(int n)
    {
        nint data = (nint)NativeMemory.Alloc(64);
        if (n > 0) s_all.Add(data);
    } // expect: KA4001

    static void HeldByALocal(int n)
    {
        float* data = (float*)NativeMemory.Alloc(64);
        float* last = null;
        for (int i = 0; i < n; i++) last = data + i;
        if (last == null) return; // expect: KA4001
        NativeMemory.Free(data);
    }
}
