using System.Diagnostics;
using System.Globalization;

namespace KestrelPool;

/// <summary>Memory at one moment.</summary>
/// <param name="Rented">Bytes that connections rent from the pool.</param>
/// <param name="Native">Resident bytes of KAlloc's arena; 0 where the system does not tell.</param>
/// <param name="Process">Resident bytes of the whole process.</param>
internal readonly record struct Moment(long Rented, long Native, long Process)
{
    public override string ToString() => $"rented {Figures.Mebibytes(Rented)}   native resident {Figures.Mebibytes(Native)}   process resident {Figures.Mebibytes(Process)}";
}

/// <summary>What the load did to memory.</summary>
internal sealed record Figures(
    int Uploads, Moment Before, Moment Loaded, Moment After, TimeSpan IdleFor, long Evictions, ulong EvictedBytes, long WrongBytes, string LeakReport)
{
    internal static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0,6:0.0} MiB");
}

/// <summary>Clients that upload at once, wait for the echo and go.</summary>
internal static class Load
{
    private const string Field = "RssShmem:";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    internal static async Task<Figures> RunAsync(int uploads, int bytesEach)
    {
        await using Server server = await Server.StartAsync();
        Moment before = Now(server);
        Moment loaded;
        long wrong = 0;
        using (var client = new HttpClient { BaseAddress = server.Address, Timeout = s_patience })
        {
            Task<long>[] echoes = [.. Enumerable.Range(0, uploads).Select(number => UploadAsync(client, (byte)number, bytesEach))];
            await UntilAsync(() => server.Waiting == uploads && server.Pool.RentedBytes >= (long)uploads * bytesEach * 9 / 10);
            loaded = Now(server);
            server.Release();
            foreach (Task<long> echo in echoes) wrong += await echo;
        }

        // The connections end with the client. What sleeping threads still hold comes back when the thread pool ends them.
        long start = Stopwatch.GetTimestamp();
        await UntilAsync(() => server.Pool.RentedBytes == 0 && ResidentNative() - before.Native <= (loaded.Native - before.Native) / 10 && server.Pool.Evictions > 0);
        TimeSpan idleFor = Stopwatch.GetElapsedTime(start);
        return new(uploads, before, loaded, Now(server), idleFor, server.Pool.Evictions, server.Pool.EvictedBytes, wrong, server.Pool.LeakReport());
    }

    /// <summary>Uploads bytes and counts those that come back wrong.</summary>
    internal static async Task<long> UploadAsync(HttpClient client, byte fill, int bytes)
    {
        byte[] content = new byte[bytes];
        content.AsSpan().Fill(fill);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/echo") { Content = new ByteArrayContent(content) };
        request.Headers.ConnectionClose = true;
        using HttpResponseMessage response = await client.SendAsync(request);
        byte[] echo = await response.Content.ReadAsByteArrayAsync();
        return Math.Abs(echo.Length - bytes) + echo.Length - echo.AsSpan().Count(fill);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition() && Stopwatch.GetElapsedTime(start) < s_patience;) await Task.Delay(20);
    }

    private static Moment Now(Server server) => new(server.Pool.RentedBytes, ResidentNative(), Environment.WorkingSet);

    /// <summary>The arena is shared memory, and nothing else of this process is.</summary>
    internal static long ResidentNative()
    {
        if (!OperatingSystem.IsLinux()) return 0;
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith(Field, StringComparison.Ordinal));
        return long.Parse(line[Field.Length..].Replace("kB", "").Trim(), CultureInfo.InvariantCulture) * 1024;
    }
}
