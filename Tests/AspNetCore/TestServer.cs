// Servers on native memory for the tests, their clients, and when all is back.

using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

// Some tests measure what of the arena is resident: nobody else may use it meanwhile.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace KAlloc.AspNetCore.Tests;

internal static class TestServer
{
    private static readonly Lazy<X509Certificate2> s_certificate = new(MakeCertificate);

    internal static async Task<WebApplication> StartAsync(
        HttpProtocols protocol, RequestDelegate answer, string url = "http://127.0.0.1:0", bool tls = false, Action<KernelMemoryPoolOptions>? pool = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (!tls) builder.WebHost.UseUrls(url);
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Limits.MaxRequestBufferSize = 1 << 20;
            options.ConfigureEndpointDefaults(listen => listen.Protocols = protocol);
            if (tls) options.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(s_certificate.Value));
        });
        builder.Services.AddKernelMemoryPool(pool);
        WebApplication application = builder.Build();
        application.Run(answer);
        await application.StartAsync();
        return application;
    }

    /// <summary>Reads all before it answers: a client of HTTP/2 that sends an array reads nothing meanwhile.</summary>
    internal static async Task EchoAsync(HttpContext context)
    {
        var whole = new MemoryStream();
        await context.Request.Body.CopyToAsync(whole);
        await context.Response.BodyWriter.WriteAsync(whole.GetBuffer().AsMemory(0, (int)whole.Length));
    }

    internal static Uri Address(WebApplication server) => new(server.Urls.Single());

    internal static HttpClient Client(WebApplication server, HttpProtocols protocol) => new(new SocketsHttpHandler
    {
        // The certificate was made a moment ago: no other can be meant, and nobody vouches for it.
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = static (_, presented, _, _) => presented?.GetCertHashString() == s_certificate.Value.GetCertHashString(),
        },
    })
    {
        BaseAddress = Address(server),
        DefaultRequestVersion = protocol == HttpProtocols.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    internal static KernelMemoryPoolFactory Pools(WebApplication server) => server.Services.GetRequiredService<KernelMemoryPoolFactory>();

    /// <summary>What is sent comes back, three times on one connection, and no buffer stays out.</summary>
    internal static async Task EchoesReturn(WebApplication server, HttpProtocols protocol, int bytes)
    {
        byte[] sent = new byte[bytes];
        new Random(7).NextBytes(sent);
        using (HttpClient client = Client(server, protocol))
        {
            for (int i = 0; i < 3; i++)
            {
                using HttpResponseMessage response = await client.PostAsync("/", new ByteArrayContent(sent));
                Assert.Equal(sent, await response.Content.ReadAsByteArrayAsync());
            }
        }

        await AllBuffersReturn(server);
    }

    /// <summary>None is out at several looks on end: a connection that ends takes one more for a moment, to read the end into.</summary>
    internal static async Task AllBuffersReturn(WebApplication server)
    {
        const int Looks = 5;
        int without = 0;
        await UntilAsync(() => (without = Pools(server).RentedBuffers == 0 ? without + 1 : 0) == Looks);
        Assert.True(without == Looks, $"{Pools(server).RentedBuffers} buffers are still out");
    }

    internal static async Task UntilAsync(Func<bool> condition)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition() && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60);) await Task.Delay(20);
    }

    private static X509Certificate2 MakeCertificate()
    {
        using RSA key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }
}
