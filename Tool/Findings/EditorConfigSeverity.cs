// What the user's .editorconfig files say about a rule in a file, by the compiler's own reading of them.
//
// Needed only after a build in which an `.editorconfig` makes a rule of ours an error: that build is repeated with the rule forced to a
// warning everywhere, which also brings back findings that another section switches off.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Tool.Findings;

/// <summary>The severities that one recorded compilation was configured with.</summary>
internal sealed class EditorConfigSeverity
{
    private readonly AnalyzerConfigSet _configs;

    internal EditorConfigSeverity(string argsFile)
    {
        string[] lines = File.ReadAllLines(argsFile);
        CSharpCommandLineArguments arguments = CSharpCommandLineParser.Default.Parse(lines.Skip(2), Path.GetDirectoryName(lines[0]), sdkDirectory: null);
        _configs = AnalyzerConfigSet.Create(arguments.AnalyzerConfigPaths.Select(p => AnalyzerConfig.Parse(SourceText.From(File.ReadAllText(p)), p)).ToArray());
    }

    internal bool SwitchesOff(string rule, string file) =>
        _configs.GetOptionsForSourcePath(file).TreeOptions.TryGetValue(rule, out ReportDiagnostic severity)
        && severity is ReportDiagnostic.Suppress or ReportDiagnostic.Hidden;
}
