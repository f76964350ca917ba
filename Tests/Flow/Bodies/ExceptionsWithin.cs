// Handlers and finally blocks within other handlers: what cleans up is not taken to fail, what works is.

using System.IO;

unsafe class Bodies
{
    static void Work(nint p) => Console.WriteLine(p);

    static nint Make(byte[] bytes)
    {
        nint p = Marshal.AllocHGlobal(bytes.Length);
        try
        {
            Marshal.Copy(bytes, 0, p, bytes.Length);
        }
        catch (Exception e)
        {
            Console.WriteLine(e);
            Marshal.FreeHGlobal(p);
            throw;
        }

        return p;
    }

    static void FinallyWithinHandler()
    {
        try
        {
            nint p = Marshal.AllocHGlobal(4);
            try { Work(p); }
            finally { Marshal.FreeHGlobal(p); }
        }
        catch (IOException e)
        {
            throw new InvalidOperationException("", e);
        }
    }

    static int TestedFinallyWithinHandler(byte[] bytes)
    {
        try
        {
            nint p = 0;
            try
            {
                p = Make(bytes);
                Work(p);
                if (bytes.Length > 4) return 1;
            }
            finally
            {
                if (p != 0) Marshal.FreeHGlobal(p);
            }

            Work(0);
        }
        catch (IOException e)
        {
            throw new InvalidOperationException("", e);
        }

        return 0;
    }

    static bool FalseFromTheOuterHandler(byte[] bytes)
    {
        try
        {
            nint p = Make(bytes);
            try { Work(p); }
            finally
            {
                Console.WriteLine("done");
                Marshal.FreeHGlobal(p);
            }

            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    static void FinallyWithinFinally()
    {
        try
        {
            nint p = Marshal.AllocHGlobal(4);
            try
            {
                Work(p);
            }
            finally
            {
                nint q = Marshal.AllocHGlobal(4);
                try { Work(q); }
                finally
                {
                    Marshal.FreeHGlobal(q);
                    Marshal.FreeHGlobal(p);
                }
            }
        }
        catch (IOException)
        {
            return;
        }
    }

    sealed class Holder : IDisposable
    {
        private readonly nint _p = Marshal.AllocHGlobal(8);

        public nint Pointer => _p;

        public void Dispose() => Marshal.FreeHGlobal(_p);
    }

    static bool UsingWithinHandler()
    {
        try
        {
            using var holder = new Holder();
            Work(holder.Pointer);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    static void FreedAtTheEndOfTheTry()
    {
        nint p = 0;
        try
        {
            p = Marshal.AllocHGlobal(4);
            Marshal.FreeHGlobal(p);
        }
        catch (IOException)
        {
            return;
        }
    }

    static void HandlerWithinHandler(byte[] bytes)
    {
        try
        {
            nint p = Marshal.AllocHGlobal(4);
            try { Work(p); }
            catch (Exception e)
            {
                Console.WriteLine(e);
                Marshal.FreeHGlobal(p);
                throw;
            }

            Marshal.FreeHGlobal(p);
        }
        catch (IOException e)
        {
            throw new InvalidOperationException("", e);
        }
    }

    // What works may fail, wherever it stands.

    static void OnlyTheOuterHandler()
    {
        try
        {
            nint p = Marshal.AllocHGlobal(4);
            Work(p);
            Marshal.FreeHGlobal(p);
        }
        catch (IOException e)
        {
            throw new InvalidOperationException("", e); // expect: KA4001
        }
    }

    static void OfAnotherKind()
    {
        nint p = Marshal.AllocHGlobal(4);
        try
        {
            try { Work(p); }
            catch (IOException)
            {
                Marshal.FreeHGlobal(p);
                throw;
            }
        }
        catch (InvalidOperationException)
        {
            Work(0);
            return; // expect: KA4001
        }

        Marshal.FreeHGlobal(p);
    }

    static void RethrownAndLost()
    {
        nint p = Marshal.AllocHGlobal(4);
        try
        {
            try { Work(p); }
            catch (Exception)
            {
                throw;
            }
        }
        catch (Exception)
        {
            Work(0);
            return; // expect: KA4001
        }

        Marshal.FreeHGlobal(p);
    }

    static void FreedTwiceByTheOuterHandler()
    {
        nint p = Marshal.AllocHGlobal(4);
        try
        {
            try { Work(p); }
            finally { Marshal.FreeHGlobal(p); }
        }
        catch (IOException)
        {
            Marshal.FreeHGlobal(p); // expect: KA4005
        }
    }

    static void FilterThatHolds(int n)
    {
        nint p = Marshal.AllocHGlobal(3);
        try
        {
            if (n > 3) throw new FormatException();
            Marshal.FreeHGlobal(p);
        }
        catch (FormatException e) when (e is not null)
        {
            Marshal.FreeHGlobal(p);
        }
    }

    static void FilterOfTwoTypes(int n)
    {
        nint p = Marshal.AllocHGlobal(3);
        try
        {
            if (n > 3) throw new FormatException();
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
        }

        Marshal.FreeHGlobal(p);
    }

    static void FilterOfState(int n)
    {
        nint p = 0;
        try
        {
            p = Marshal.AllocHGlobal(3);
            if (n > 3) throw new ArgumentException();
        }
        catch (ArgumentException) when (p != 0)
        {
            Marshal.FreeHGlobal(p);
            p = 0;
        }

        Marshal.FreeHGlobal(p);
    }

    static void FilterThatMayNotHold(int n)
    {
        nint p = Marshal.AllocHGlobal(3);
        try
        {
            if (n > 3) throw new FormatException(); // expect: KA4001
        }
        catch (FormatException) when (n > 4)
        {
        }

        Marshal.FreeHGlobal(p);
    }

    static void FilterOfAnotherType(int n)
    {
        nint p = Marshal.AllocHGlobal(3);
        try
        {
            if (n > 3) throw new FormatException(); // expect: KA4001
        }
        catch (Exception e) when (e is ArgumentException)
        {
        }

        Marshal.FreeHGlobal(p);
    }

    static void FilterThenHandler(int n)
    {
        nint p = Marshal.AllocHGlobal(3);
        try
        {
            if (n > 3) throw new FormatException();
        }
        catch (FormatException) when (n > 4)
        {
        }
        catch (FormatException)
        {
            Marshal.FreeHGlobal(p);
            return;
        }

        Marshal.FreeHGlobal(p);
    }
}
