namespace KAlloc.Analyzers.Tests;

/// <summary>The files around the code that the tests of rules are about.</summary>
internal static class Sources
{
    /// <summary>
    /// A class of members of which the usual namespaces and the kernel face are in scope. It is unsafe, unless a member is async: there is no
    /// await in unsafe code.
    /// </summary>
    internal static string Class(string members) =>
        $$"""
        using System;
        using System.Buffers;
        using System.Collections.Generic;
        using System.Runtime.InteropServices;
        using System.Security;
        using System.Threading.Tasks;
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class State
        {
            protected static KernelSpinLock Lock, Other;
            protected static KernelMutex Mutex;
            protected static KmemCache* Cache;
            protected static void* Kept;
        }

        {{(members.Contains("async ", StringComparison.Ordinal) ? "" : "unsafe ")}}class C : State
        {
        {{members}}
        }
        """;
}
