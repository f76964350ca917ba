// All packages, packed once for all tests into a feed of their own. A new version for each run: a package cache never looks twice at one
// that it has.

using Xunit;

namespace KAlloc.Package.Tests;

public sealed class LocalFeed : IAsyncLifetime
{
    internal string Folder { get; } = Directory.CreateTempSubdirectory("kalloc-feed-").FullName;

    internal string Version { get; } = $"0.1.0-test.{DateTime.UtcNow:yyyyMMddHHmmss}";

    internal string Package(string id) => Path.Combine(Folder, $"{id}.{Version}.nupkg");

    public async Task InitializeAsync()
    {
        foreach (string project in (string[])["Package/Analyzers/KAlloc.Analyzers.Package.csproj", "Package/Runtime/KAlloc.Package.csproj", "Package/AspNetCore/KAlloc.AspNetCore.Package.csproj"])
        {
            Run run = await Repository.DotnetAsync(
                Repository.Root, "pack", project, "--no-build", "-p:BuildProjectReferences=false", "-c", Repository.Configuration, "-o", Folder, $"-p:PackageVersion={Version}", "-nologo", "-v", "q");
            Assert.True(run.ExitCode == 0, run.ToString());
        }
    }

    public Task DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return Task.CompletedTask;
    }
}

[CollectionDefinition("feed")]
public sealed class FeedCollection : ICollectionFixture<LocalFeed>;
