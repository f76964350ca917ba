using System.Net.Sockets;
using KestrelPool;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit.Abstractions;
using static KAlloc.AspNetCore.Tests.TestServer;

namespace KAlloc.AspNetCore.Tests;

/// <summary>Real servers on loopback. All buffers of connections are native, and all come back.</summary>
public sealed class ServerTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Sample_UnderLoadHoldsMemory_AndGivesItBackAfterwards()
    {
        const int Uploads = 64, Bytes = 1 << 20;
        Figures figures = await Load.RunAsync(Uploads, Bytes);
        output.WriteLine($"before {figures.Before}\nloaded {figures.Loaded}\nafter  {figures.After}\nafter {figures.IdleFor}, evicted {figures.EvictedBytes} bytes");
        Assert.Equal(0, figures.WrongBytes);
        Assert.InRange(figures.Loaded.Rented, (long)Uploads * Bytes * 9 / 10, long.MaxValue);
        Assert.Equal(0, figures.After.Rented);
        Assert.Equal("", figures.LeakReport);
        Assert.True(figures.Evictions > 0, "nothing was evicted");
        if (!OperatingSystem.IsLinux()) return;
        Assert.InRange(figures.Loaded.Native - figures.Before.Native, (long)Uploads * Bytes / 2, long.MaxValue);
        Assert.InRange(figures.After.Native - figures.Before.Native, long.MinValue, (figures.Loaded.Native - figures.Before.Native) / 10);
    }

    [Theory]
    [InlineData(HttpProtocols.Http1, 1)]
    [InlineData(HttpProtocols.Http1, 4096)]
    [InlineData(HttpProtocols.Http1, 5_000_000)]
    [InlineData(HttpProtocols.Http2, 1)]
    [InlineData(HttpProtocols.Http2, 5_000_000)]
    public async Task Echo_ReturnsEveryByte(HttpProtocols protocol, int bytes)
    {
        await using WebApplication server = await StartAsync(protocol, EchoAsync);
        await EchoesReturn(server, protocol, bytes);
    }

    [Fact]
    public async Task ClientThatResets_AbortsTheRequest_AndLeavesNoBuffer()
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, async context =>
        {
            context.RequestAborted.Register(aborted.SetResult);
            byte[] piece = new byte[100_000];
            while (!context.RequestAborted.IsCancellationRequested) await context.Response.Body.WriteAsync(piece, context.RequestAborted);
        });
        using (var socket = new Socket(SocketType.Stream, ProtocolType.Tcp))
        {
            Uri address = Address(server);
            await socket.ConnectAsync(address.Host, address.Port);
            await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            Assert.NotEqual(0, await socket.ReceiveAsync(new byte[1000]));
            socket.LingerState = new(enable: true, seconds: 0);
        }

        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await AllBuffersReturn(server);
    }

    [Fact]
    public async Task ServerThatAborts_EndsTheClientsResponseWithAnError()
    {
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, async context =>
        {
            await context.Response.Body.WriteAsync(new byte[10]);
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        using HttpClient client = Client(server, HttpProtocols.Http1);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetByteArrayAsync("/"));
        await AllBuffersReturn(server);
    }

    [Fact]
    public async Task SilentConnection_HoldsNoBuffer()
    {
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, EchoAsync);
        using HttpClient client = Client(server, HttpProtocols.Http1);
        using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent([1, 2, 3]));
        Assert.Equal(3, response.Content.Headers.ContentLength ?? (await response.Content.ReadAsByteArrayAsync()).Length);
        await AllBuffersReturn(server);
    }

    [Fact]
    public async Task Stop_WhileARequestRuns_LetsItEnd()
    {
        var started = new TaskCompletionSource();
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, async context =>
        {
            started.SetResult();
            await Task.Delay(300);
            await context.Response.WriteAsync("done");
        });
        using HttpClient client = Client(server, HttpProtocols.Http1);
        Task<string> answer = client.GetStringAsync("/");
        await started.Task;
        await server.StopAsync();
        Assert.Equal("done", await answer);
        await AllBuffersReturn(server);
    }

    [Fact]
    public async Task AddressInUse_IsSaidAsTheServerDoes()
    {
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, EchoAsync);
        await Assert.ThrowsAsync<IOException>(() => StartAsync(HttpProtocols.Http1, EchoAsync, Address(server).ToString()));
    }

    [Fact]
    public async Task UnixSocket_Serves()
    {
        string path = Path.Combine(Path.GetTempPath(), $"kalloc-{Environment.ProcessId}.sock");
        await using WebApplication server = await StartAsync(HttpProtocols.Http1, EchoAsync, $"http://unix:{path}");
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        using HttpResponseMessage response = await client.PostAsync("http://x/", new ByteArrayContent(new byte[100_000]));
        Assert.Equal(100_000, (await response.Content.ReadAsByteArrayAsync()).Length);
    }
}
