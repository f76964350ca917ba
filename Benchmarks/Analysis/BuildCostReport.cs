using System.Globalization;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace KAlloc.Benchmarks.Analysis;

/// <summary>The costs of a run as files.</summary>
internal static class BuildCostReport
{
    internal static string Csv(IReadOnlyList<BuildCost> costs, IReadOnlyList<AnalyzerSet> sets)
    {
        var lines = new List<string> { "project,lines,analyzers,bind_cpu_ms,cpu_ms,bind_mb,mb" };
        foreach (BuildCost cost in costs)
            for (int set = 0; set < cost.With.Count; set++)
                lines.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{cost.Project.Name},{cost.Project.Lines},{sets[set].Name},{cost.Bind.CpuMs:0.#},{cost.With[set].CpuMs:0.#},{cost.Bind.Megabytes:0.#},{cost.With[set].Megabytes:0.#}"));
        return string.Join('\n', lines) + '\n';
    }

    /// <summary>A bar for each set on each project: CPU added, in percent of binding.</summary>
    internal static string Svg(IReadOnlyList<BuildCost> costs, IReadOnlyList<AnalyzerSet> sets)
    {
        var model = new PlotModel { Title = "CPU added to a build", Background = OxyColors.White, Padding = new OxyThickness(30, 30, 30, 10) };
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop, LegendMargin = 20 });
        model.Axes.Add(new CategoryAxis { Position = AxisPosition.Left, ItemsSource = costs.Select(cost => cost.Project.Name).ToArray(), StartPosition = 1, EndPosition = 0 });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = "% of binding", MajorGridlineStyle = LineStyle.Dot });
        for (int set = 0; set < sets.Count; set++)
        {
            var series = new BarSeries { Title = sets[set].Name };
            for (int i = 0; i < costs.Count; i++)
                if (set < costs[i].With.Count) series.Items.Add(new BarItem(100 * costs[i].Added(set), i));
            model.Series.Add(series);
        }

        return new SvgExporter { Width = 1000, Height = 120 + costs.Count * sets.Count * 12, UseVerticalTextAlignmentWorkaround = true }.ExportToString(model);
    }
}
