using System.CommandLine;

namespace KAlloc.Benchmarks.Core;

/// <summary>What every benchmark can be told.</summary>
/// <param name="Rounds">Samples of each contender; the contenders take turns.</param>
/// <param name="Quick">Tiny sizes: shows that it runs, measures nothing.</param>
/// <param name="Peer">Whom the ratios are against; null: the command's own choice.</param>
/// <param name="Csv">Also write the results there.</param>
/// <param name="Svg">Also draw them there.</param>
/// <param name="Markdown">Also write them there as the tables of a page.</param>
internal sealed record RunSettings(int Rounds, bool Quick, string? Peer, string? Csv, string? Svg, string? Markdown)
{
    /// <summary>A command with these options.</summary>
    /// <param name="command">The command without them.</param>
    /// <param name="run">What it does; returns the exit code.</param>
    internal static Command AddTo(Command command, Func<RunSettings, ParseResult, int> run)
    {
        Option<int> rounds = new("--rounds") { Description = "Samples of each contender.", DefaultValueFactory = _ => 15 };
        Option<bool> quick = new("--quick") { Description = "Tiny sizes, to see that it runs." };
        Option<string?> peer = new("--peer") { Description = "Whom the ratios are against.", HelpName = "NAME" };
        Option<string?> csv = new("--csv") { Description = "Also write the results as CSV.", HelpName = "FILE" };
        Option<string?> svg = new("--svg") { Description = "Also draw a bar chart.", HelpName = "FILE" };
        Option<string?> markdown = new("--markdown") { Description = "Also write the medians as Markdown tables.", HelpName = "FILE" };
        foreach (Option option in (Option[])[rounds, quick, peer, csv, svg, markdown]) command.Add(option);
        rounds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--rounds must be at least 1.");
        });
        command.SetAction(parsed => run(new(parsed.GetValue(quick) ? 2 : parsed.GetValue(rounds), parsed.GetValue(quick), parsed.GetValue(peer),
            parsed.GetValue(csv), parsed.GetValue(svg), parsed.GetValue(markdown)), parsed));
        return command;
    }
}
