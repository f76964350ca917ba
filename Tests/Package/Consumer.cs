// A stranger's project: a local feed and nothing else. An analyzer that does not run (CS9057, CS8032, CS8034) or throws (AD0001) fails each
// build here.

using Xunit;

namespace KAlloc.Package.Tests;

/// <summary>A fresh console project with one of the packages.</summary>
public abstract class Consumer(LocalFeed feed) : IDisposable
{
    private const string NotRun = "CS9057;CS8032;CS8034;AD0001";

    private protected string Folder { get; } = Directory.CreateTempSubdirectory("kalloc-consumer-").FullName;

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected Task<Run> BuildAsync(params string[] more) => Repository.DotnetAsync(
        Folder, ["build", "--no-restore", "--no-incremental", "-nologo", "-v", "m", $"-warnaserror:{NotRun}", .. more]);

    private protected static void AssertAnalyzersRan(Run run)
    {
        foreach (string id in NotRun.Split(';')) Assert.DoesNotContain(id, run.Output, StringComparison.Ordinal);
    }

    private protected string Project(string package, string properties)
    {
        Write("nuget.config", $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="packages" /></config>
              <packageSources><clear /><add key="local" value="{feed.Folder}" /></packageSources>
            </configuration>
            """);
        return $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
                {properties}
              </PropertyGroup>
              <ItemGroup><PackageReference Include="{package}" Version="{feed.Version}" /></ItemGroup>
            </Project>
            """;
    }

    private protected void Write(string file, string content) => File.WriteAllText(Path.Combine(Folder, file), content);
}
