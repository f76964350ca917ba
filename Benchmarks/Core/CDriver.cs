using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace KAlloc.Benchmarks.Core;

/// <summary>A process of a program in C on one allocator. The program is compiled when it is first needed, if there is a compiler.</summary>
internal sealed class CDriver : IDisposable
{
    private static readonly ConcurrentDictionary<string, string?> s_programs = new();
    private readonly Process _process;

    private CDriver(string program, string? library)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (library is not null) start.Environment["LD_PRELOAD"] = library;
        start.Environment.Remove("GLIBC_TUNABLES");
        _process = Process.Start(start)!;
    }

    /// <summary>The allocators that can be run: name and file to load before all others.</summary>
    /// <param name="source">The program, in the folder of this one.</param>
    internal static IEnumerable<(string Name, string? Library)> Allocators(string source)
    {
        if (Program(source) is null) yield break;
        yield return ("glibc-c", null);
        if (NativeAllocator<Mimalloc>.IsAvailable) yield return ("mimalloc-c", Mimalloc.File);
        if (NativeAllocator<Jemalloc>.IsAvailable) yield return ("jemalloc-c", Jemalloc.File);
        if (NativeAllocator<Tcmalloc>.IsAvailable) yield return ("tcmalloc-c", Tcmalloc.File);
    }

    internal static CDriver Start(string source, string? library) => new(Program(source) ?? throw new InvalidOperationException("There is no C compiler."), library);

    /// <summary>Nanoseconds for one of the operations.</summary>
    internal double Time(string workload, int count) => Ask($"time {count} {workload}");

    /// <summary>Growth of resident memory at the peak, in bytes.</summary>
    internal long PeakGrowth(string workload, int count) => (long)Ask($"memory {count} {workload}");

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private double Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
        string answer = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The C driver ended at '{line}': {_process.StandardError.ReadToEnd()}");
        return double.Parse(answer, CultureInfo.InvariantCulture);
    }

    private static string? Program(string source) => s_programs.GetOrAdd(source, Compile);

    private static string? Compile(string source)
    {
        string folder = Directory.CreateTempSubdirectory("kalloc-bench").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string program = Path.Combine(folder, "driver");

        // The compiler must not know what malloc is, or it leaves pairs of calls out.
        string[] arguments = ["-O2", "-fno-builtin-malloc", "-fno-builtin-free", "-pthread", "-o", program, Path.Combine(AppContext.BaseDirectory, source)];
        try
        {
            using Process compiler = Process.Start(new ProcessStartInfo("cc", arguments) { RedirectStandardError = true })!;
            string errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            if (compiler.ExitCode == 0) return program;
            Console.Error.WriteLine($"The C driver does not compile, its rows are left out.\n{errors}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine("There is no C compiler ('cc'): the rows in C are left out.");
        }

        return null;
    }
}
