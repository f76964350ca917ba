// Allocators in native libraries, called from C# through function pointers, as a program would that wants one of them.
//
// SuppressGCTransition: the calls are short and never call back; with it they cost what they cost in C, plus nothing.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KAlloc.Benchmarks.Core;

/// <summary>A native library with malloc and free under some name.</summary>
internal interface INativeLibrary
{
    static abstract string Name { get; }

    /// <summary>File name as the loader knows it.</summary>
    static abstract string File { get; }
    static abstract string Prefix { get; }
}

internal readonly struct Mimalloc : INativeLibrary
{
    public static string Name => "mimalloc";
    public static string File => "libmimalloc.so.2";
    public static string Prefix => "mi_";
}

internal readonly struct Jemalloc : INativeLibrary
{
    public static string Name => "jemalloc";
    public static string File => "libjemalloc.so.2";
    public static string Prefix => "";
}

internal readonly struct Tcmalloc : INativeLibrary
{
    public static string Name => "tcmalloc";
    public static string File => "libtcmalloc_minimal.so.4";
    public static string Prefix => "tc_";
}

/// <summary>The functions of a library; one set of statics for each, which the JIT folds.</summary>
internal static unsafe class NativeAllocator<TLibrary> where TLibrary : struct, INativeLibrary
{
    private static readonly nint s_library = NativeLibrary.TryLoad(TLibrary.File, out nint handle) ? handle : 0;

    internal static readonly delegate* unmanaged[SuppressGCTransition]<nuint, void*> Malloc =
        (delegate* unmanaged[SuppressGCTransition]<nuint, void*>)Export("malloc");

    internal static readonly delegate* unmanaged[SuppressGCTransition]<void*, void> Free = (delegate* unmanaged[SuppressGCTransition]<void*, void>)Export("free");

    internal static readonly delegate* unmanaged[SuppressGCTransition]<void*, nuint, void*> Realloc =
        (delegate* unmanaged[SuppressGCTransition]<void*, nuint, void*>)Export("realloc");

    internal static readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*> Calloc =
        (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*>)Export("calloc");

    /// <summary>Takes the alignment first.</summary>
    internal static readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*> Memalign =
        (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, void*>)Export("memalign");

    /// <summary>Whether the library is installed and can be loaded.</summary>
    internal static bool IsAvailable => Malloc != null && Free != null && Realloc != null && Calloc != null && Memalign != null;

    private static nint Export(string name) => s_library != 0 && NativeLibrary.TryGetExport(s_library, TLibrary.Prefix + name, out nint address) ? address : 0;
}

/// <summary>Lets libraries be loaded that want their thread-local variables close to the program's.</summary>
internal static class NativeAllocators
{
    private const string Tunables = "GLIBC_TUNABLES";

    /// <summary>
    /// jemalloc asks for more static thread-local memory than the C library keeps for libraries that are loaded later. How much it keeps can
    /// only be said before the program starts: so it is started once more. Null: go on in this process.
    /// </summary>
    internal static int? RestartWithRoom(string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Tunables) is not null || NativeAllocator<Jemalloc>.IsAvailable) return null;
        var start = new ProcessStartInfo("dotnet");
        start.ArgumentList.Add(typeof(NativeAllocators).Assembly.Location);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        start.Environment[Tunables] = "glibc.rtld.optional_static_tls=65536";
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
