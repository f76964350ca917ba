// A stranger's server: one line puts it on native memory.

using Xunit;

namespace KAlloc.Package.Tests;

[Collection("feed")]
public sealed class ServerTests(LocalFeed feed) : Consumer(feed)
{
    [Fact]
    public async Task NewServer_RunsOnThePool()
    {
        Write("App.csproj", Project("KAlloc.AspNetCore", "").Replace("Microsoft.NET.Sdk", "Microsoft.NET.Sdk.Web", StringComparison.Ordinal));
        Write("Program.cs", """
            using KAlloc.AspNetCore;

            var builder = WebApplication.CreateBuilder(args);
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Services.AddKernelMemoryPool();
            var app = builder.Build();
            app.MapGet("/", async (HttpContext context, KernelMemoryPoolFactory pools) =>
            {
                context.Response.BodyWriter.GetSpan(5000).Fill((byte)'x');
                context.Response.BodyWriter.Advance(5000);
                await context.Response.WriteAsync($" {pools.RentedBuffers > 0}");
            });
            await app.StartAsync();
            Console.WriteLine((await new HttpClient().GetStringAsync(app.Urls.Single())).Replace(new string('x', 5000), "5000"));
            await app.StopAsync();

            """);

        Run restore = await Repository.DotnetAsync(Folder, "restore", "-nologo");
        Assert.True(restore.ExitCode == 0, restore.ToString());
        Run build = await BuildAsync("-warnaserror");
        Assert.True(build.ExitCode == 0, build.ToString());
        AssertAnalyzersRan(build);
        Assert.Equal(new Run(0, "5000 True\n"), await Repository.DotnetAsync(Folder, "run", "--no-build"));
    }
}
