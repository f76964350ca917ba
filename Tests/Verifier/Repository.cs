namespace KAlloc.Tests.Verifier;

/// <summary>Where the sources lie, for tests that compare files with what they are made from.</summary>
public static class Repository
{
    /// <summary>The folder of the solution, found upwards from the test's own.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KAlloc.Analyzers.sln"))) return folder.FullName;
        }

        throw new InvalidOperationException("The tests must run from inside the repository: KAlloc.Analyzers.sln was not found above them.");
    }
}
