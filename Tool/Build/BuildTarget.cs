// What the user means by PATH: a project, a solution, or a folder that holds one of them. A folder with neither, but with projects further
// down, means all of those; they are gathered in a solution of the tool's own.

using System.Xml.Linq;

namespace KAlloc.Tool.Build;

/// <summary>What to build, and where from: the working folder decides which SDK a <c>global.json</c> picks.</summary>
/// <param name="UserPath">The absolute path that the user named: the identity of the cache folder.</param>
/// <param name="Root">The folder that findings are shown relative to, and where the build runs.</param>
/// <param name="BuildFile">The project or solution that exists on disk; null if <see cref="Projects"/> are to be gathered.</param>
internal sealed record BuildTarget(string UserPath, string Root, string? BuildFile, IReadOnlyList<string> Projects)
{
    private static readonly string[] SolutionExtensions = [".sln", ".slnx", ".slnf"];
    private static readonly string[] SkippedFolders = ["bin", "obj", "artifacts", "node_modules"];

    internal static BuildTarget Resolve(string path)
    {
        string full = Path.GetFullPath(path);
        if (File.Exists(full)) return ResolveFile(path, full);
        if (!Directory.Exists(full)) throw new ToolException($"there is no file or folder '{path}'");
        string folder = Path.TrimEndingDirectorySeparator(full);

        string[] solutions = FilesIn(folder, IsSolution);
        if (solutions.Length == 1) return new BuildTarget(full, folder, solutions[0], []);
        if (solutions.Length > 1) throw Ambiguous(path, "solutions", solutions);

        string[] projects = FilesIn(folder, IsProject);
        if (projects.Length == 1) return new BuildTarget(full, folder, projects[0], []);
        if (projects.Length > 1) throw Ambiguous(path, "projects", projects);

        List<string> below = [];
        CollectProjects(folder, below);
        if (below.Count == 0) throw new ToolException($"there is no C# project or solution in '{path}' or below it");
        return below.Count == 1 ? new BuildTarget(full, folder, below[0], []) : new BuildTarget(full, folder, null, below);
    }

    /// <summary>The file to build; a gathering solution is written to <paramref name="scratch"/>, never to the user's tree.</summary>
    internal string FileToBuild(string scratch)
    {
        if (BuildFile is not null) return BuildFile;
        string gathered = Path.Combine(scratch, "gathered.slnx");
        // Projects of one folder must differ in name, so each gets a folder.
        new XElement("Solution", Projects.Select((p, i) =>
            new XElement("Folder", new XAttribute("Name", $"/{i}/"), new XElement("Project", new XAttribute("Path", p))))).Save(gathered);
        return gathered;
    }

    /// <summary>The projects to check, as full paths. What they reference is only built: its findings are its own project's business.</summary>
    internal IReadOnlyList<string> AskedProjects() =>
        BuildFile is null ? Projects : IsSolution(BuildFile) ? [.. SolutionProjects.Of(BuildFile).Where(IsProject)] : [BuildFile];

    private static BuildTarget ResolveFile(string path, string full)
    {
        if (!IsSolution(full) && !IsProject(full))
            throw new ToolException($"'{path}' is neither a C# project nor a solution: expected .csproj, .sln, .slnx or .slnf");
        return new BuildTarget(full, Path.GetDirectoryName(full)!, full, []);
    }

    private static bool IsSolution(string file) => SolutionExtensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);

    private static bool IsProject(string file) => Path.GetExtension(file).Equals(".csproj", StringComparison.OrdinalIgnoreCase);

    private static string[] FilesIn(string folder, Func<string, bool> wanted)
    {
        string[] found = [.. Directory.EnumerateFiles(folder).Where(wanted)];
        Array.Sort(found, StringComparer.Ordinal);
        return found;
    }

    private static void CollectProjects(string folder, List<string> projects)
    {
        foreach (string child in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(child);
            if (name.StartsWith('.') || SkippedFolders.Contains(name, StringComparer.OrdinalIgnoreCase)) continue;
            if (new DirectoryInfo(child).LinkTarget is not null) continue; // a link may lead in a circle
            projects.AddRange(FilesIn(child, IsProject));
            CollectProjects(child, projects);
        }
    }

    private static ToolException Ambiguous(string path, string what, string[] files) =>
        new($"'{path}' holds several {what}; name one of them", [.. files.Select(f => Path.Combine(path, Path.GetFileName(f)))]);
}
