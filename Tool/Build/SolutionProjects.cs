// The projects that a solution names, in each of the three formats. Only paths are read: which configuration builds them is MSBuild's business.

using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace KAlloc.Tool.Build;

/// <summary>Reads <c>.sln</c>, <c>.slnx</c> and <c>.slnf</c>.</summary>
internal static partial class SolutionProjects
{
    /// <summary>The full paths of the projects in a solution.</summary>
    internal static IReadOnlyList<string> Of(string solution)
    {
        try
        {
            string folder = Path.GetDirectoryName(solution)!;
            return Path.GetExtension(solution).ToLowerInvariant() switch
            {
                ".slnx" => Absolute(folder, XDocument.Load(solution).Descendants("Project").Select(project => (string?)project.Attribute("Path"))),
                ".slnf" => OfFilter(folder, solution),
                _ => Absolute(folder, ProjectLine().Matches(File.ReadAllText(solution)).Select(line => line.Groups["path"].Value)),
            };
        }
        catch (Exception e) when (e is JsonException or XmlException or InvalidOperationException or KeyNotFoundException)
        {
            throw new ToolException($"'{Path.GetFileName(solution)}' cannot be read: {e.Message}");
        }
    }

    /// <summary>Paths in a filter are those of its solution.</summary>
    private static string[] OfFilter(string folder, string filter)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(filter), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        JsonElement solution = json.RootElement.GetProperty("solution");
        string home = Path.GetDirectoryName(Absolute(folder, [solution.GetProperty("path").GetString()])[0])!;
        return Absolute(home, solution.GetProperty("projects").EnumerateArray().Select(project => project.GetString()));
    }

    private static string[] Absolute(string folder, IEnumerable<string?> paths) =>
        [.. paths.OfType<string>().Select(path => Path.GetFullPath(Path.Combine(folder, path.Replace('\\', Path.DirectorySeparatorChar))))];

    [GeneratedRegex(@"^\s*Project\(""[^""]*""\)\s*=\s*""[^""]*""\s*,\s*""(?<path>[^""]+)""", RegexOptions.Multiline)]
    private static partial Regex ProjectLine();
}
