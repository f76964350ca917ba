using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using KestrelPool;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit.Abstractions;
using static KAlloc.AspNetCore.Tests.TestServer;

namespace KAlloc.AspNetCore.Tests;

/// <summary>Servers that speak TLS: the layer between the connection and the application has buffers of its own on the same pool.</summary>
public sealed class TlsTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(HttpProtocols.Http1, 1)]
    [InlineData(HttpProtocols.Http1, 100_000)]
    [InlineData(HttpProtocols.Http1, 5_000_000)]
    [InlineData(HttpProtocols.Http2, 1)]
    [InlineData(HttpProtocols.Http2, 5_000_000)]
    public async Task Echo_ReturnsEveryByte(HttpProtocols protocol, int bytes)
    {
        await using WebApplication server = await StartAsync(protocol, EchoAsync, tls: true);
        Assert.Equal("https", Address(server).Scheme);
        await EchoesReturn(server, protocol, bytes);
    }

    [Fact]
    public async Task Uploads_UnderLoadHoldMemory_WhichReturnsAfterwards()
    {
        const int Uploads = 64, Bytes = 1 << 20;
        var mayRead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication server = await StartAsync(
            HttpProtocols.Http1,
            async context =>
            {
                await mayRead.Task;
                await EchoAsync(context);
            },
            tls: true,
            pool: options => options.IdleInterval = TimeSpan.FromMilliseconds(250));
        KernelMemoryPoolFactory pools = Pools(server);
        long before = Load.ResidentNative(), loaded, wrong = 0;
        using (HttpClient client = Client(server, HttpProtocols.Http1))
        {
            Task<long>[] echoes = [.. Enumerable.Range(0, Uploads).Select(number => Load.UploadAsync(client, (byte)number, Bytes))];
            await UntilAsync(() => pools.RentedBytes >= (long)Uploads * Bytes * 9 / 10);
            loaded = Load.ResidentNative();
            output.WriteLine($"{pools.RentedBytes} bytes rented, {loaded - before} more resident");
            Assert.InRange(pools.RentedBytes, (long)Uploads * Bytes * 9 / 10, long.MaxValue);
            mayRead.SetResult();
            foreach (Task<long> echo in echoes) wrong += await echo;
        }

        Assert.Equal(0, wrong);
        await AllBuffersReturn(server);
        await UntilAsync(() => pools.Evictions > 0 && Load.ResidentNative() - before <= (loaded - before) / 10);
        output.WriteLine($"{pools.Evictions} evictions of {pools.EvictedBytes} bytes, {Load.ResidentNative() - before} more resident than before");
        Assert.NotEqual(0, pools.Evictions);
        if (OperatingSystem.IsLinux()) Assert.InRange(Load.ResidentNative() - before, long.MinValue, (loaded - before) / 10);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("\x16\x03\x01\x40\x00")]
    [InlineData("")]
    public async Task ClientThatDoesNotEndTheHandshake_LeavesNoBuffer(string hello)
    {
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, EchoAsync, tls: true);
        foreach (bool reset in (bool[])[false, true])
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(Address(server).Host, Address(server).Port);
            if (hello.Length > 0) await socket.SendAsync(System.Text.Encoding.Latin1.GetBytes(hello));
            if (reset) socket.LingerState = new(enable: true, seconds: 0);
        }

        await AllBuffersReturn(server);
        using HttpClient client = Client(server, HttpProtocols.Http1);
        using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent([1, 2, 3]));
        Assert.Equal([1, 2, 3], await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task BufferThatAHandlerLoses_IsReportedWithItsPlace()
    {
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, LosingAsync, tls: true, pool: options => options.Track = true);
        using (HttpClient client = Client(server, HttpProtocols.Http1)) Assert.Equal("lost", await client.GetStringAsync("/"));
        await UntilAsync(() =>
        {
            GC.Collect();
            return Pools(server).RentedBuffers == 1 && Pools(server).LeakReport().Contains("leaked", StringComparison.Ordinal);
        });
        string report = Pools(server).LeakReport();
        output.WriteLine(report);
        Assert.Contains("8192 bytes, leaked: its owner was collected without Dispose", report);
        Assert.Contains(nameof(Lose), report);
    }

    private static async Task LosingAsync(HttpContext context)
    {
        Lose(context.Features.Get<IMemoryPoolFeature>()!.MemoryPool);
        await context.Response.WriteAsync("lost");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Lose(MemoryPool<byte> pool) => pool.Rent(8000).Memory.Span[0] = 1;
}
