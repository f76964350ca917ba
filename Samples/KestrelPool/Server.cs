using System.Buffers;
using System.IO.Pipelines;
using KAlloc.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelPool;

/// <summary>Echoes uploads, but reads none before all have arrived: what they sent waits in the server's buffers.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly TaskCompletionSource _mayRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;

    private Server(WebApplication application) => _application = application;

    /// <summary>Uploads that wait to be read.</summary>
    internal int Waiting => Volatile.Read(ref _waiting);

    internal Uri Address => new(_application.Urls.Single());

    internal KernelMemoryPoolFactory Pool => _application.Services.GetRequiredService<KernelMemoryPoolFactory>();

    internal static async Task<Server> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");

        // An upload is buffered as far as this before anybody reads it.
        builder.WebHost.ConfigureKestrel(options => options.Limits.MaxRequestBufferSize = 1 << 20);

        // The one line that matters. The default interval of 10 s would make a dull sample.
        builder.Services.AddKernelMemoryPool(options => options.IdleInterval = TimeSpan.FromMilliseconds(250));

        WebApplication application = builder.Build();
        var server = new Server(application);
        application.MapPost("/echo", server.EchoAsync);
        await application.StartAsync();
        return server;
    }

    /// <summary>Lets the uploads that wait be read and answered.</summary>
    internal void Release() => _mayRead.TrySetResult();

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task EchoAsync(HttpContext context)
    {
        Interlocked.Increment(ref _waiting);
        await _mayRead.Task;
        PipeReader reader = context.Request.BodyReader;
        while (true)
        {
            ReadResult result = await reader.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer) context.Response.BodyWriter.Write(segment.Span);
            reader.AdvanceTo(result.Buffer.End);
            await context.Response.BodyWriter.FlushAsync();
            if (result.IsCompleted) break;
        }

        Interlocked.Decrement(ref _waiting);
    }
}
