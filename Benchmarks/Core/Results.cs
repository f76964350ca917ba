using System.Globalization;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;
using Spectre.Console;

namespace KAlloc.Benchmarks.Core;

/// <summary>The measurements of a run, as tables, CSV and chart.</summary>
/// <param name="title">What was measured.</param>
/// <param name="settings">Where to write.</param>
/// <param name="peers">Whom ratios are against, most wanted first; the first that took part is taken.</param>
internal sealed class Results(string title, RunSettings settings, params string[] peers)
{
    private readonly List<Measurement> _all = [];

    internal void Add(IEnumerable<Measurement> measurements) => _all.AddRange(measurements);

    internal Measurement? Find(string workload, string contender) => _all.Find(m => m.Workload == workload && m.Contender == contender);

    /// <summary>Prints the tables and writes the files that were asked for.</summary>
    internal void Publish()
    {
        AnsiConsole.Write(Times());
        if (_all.Exists(m => m.Memory.Live > 0)) AnsiConsole.Write(Memory());
        if (settings.Csv is { } csv) File.WriteAllText(csv, Csv());
        if (settings.Svg is { } svg) File.WriteAllText(svg, Svg());
        if (settings.Markdown is { } markdown) File.WriteAllText(markdown, Markdown());
    }

    private IEnumerable<string> Workloads => _all.Select(m => m.Workload).Distinct();
    private IEnumerable<string> Contenders => _all.Select(m => m.Contender).Distinct();

    private string? Peer => (settings.Peer is { } own ? [own] : peers).FirstOrDefault(name => _all.Exists(m => m.Contender == name));

    private Table Times()
    {
        string? peer = Peer;
        Table table = NewTable($"{title}: median ns, minimum" + (peer is null ? "" : $", × median ratio to {peer}"));
        foreach (string contender in Contenders)
        {
            table.AddRow(new string[] { contender }.Concat(Workloads.Select(workload =>
            {
                if (Find(workload, contender) is not { } m) return "–";
                string ratio = peer is not null && Find(workload, peer) is { } other ? Number($" ×{m.RatioTo(other):0.00}") : "";
                return Number($"{Figure(m.Median)} {Figure(m.Minimum)}") + ratio;
            })).ToArray());
        }

        return table;
    }

    private Table Memory()
    {
        Table table = NewTable("Peak resident memory over live bytes");
        foreach (string contender in Contenders)
        {
            table.AddRow(new string[] { contender }.Concat(Workloads.Select(workload => Find(workload, contender) is { Memory.Live: > 0 } m
                ? Number($"{(double)m.Memory.PeakResident / m.Memory.Live:0.00}") : "–")).ToArray());
        }

        return table;
    }

    private Table NewTable(string caption)
    {
        Table table = new Table().Border(TableBorder.Simple).Title(caption);
        table.AddColumn(new TableColumn("").NoWrap());
        foreach (string workload in Workloads) table.AddColumn(new TableColumn(workload).RightAligned().NoWrap());
        return table;
    }

    private string Csv()
    {
        var lines = new List<string> { "workload,allocator,threads,ns_median,ns_min,peak_rss_bytes,live_bytes" };
        lines.AddRange(_all.Select(m => Number($"{m.Workload},{m.Contender},{m.Threads},{m.Median:0.##},{m.Minimum:0.##},{m.Memory.PeakResident},{m.Memory.Live}")));
        return string.Join('\n', lines) + '\n';
    }

    /// <summary>Workloads that follow one another and share most of who takes part are one table, and one chart.</summary>
    private List<(List<string> Workloads, List<string> Contenders)> Groups()
    {
        var tables = new List<(List<string> Workloads, List<string> Contenders)>();
        foreach (string workload in Workloads)
        {
            string[] contenders = [.. _all.Where(m => m.Workload == workload).Select(m => m.Contender)];
            if (tables.Count == 0 || tables[^1].Contenders.Intersect(contenders).Count() * 2 < contenders.Length) tables.Add(([], []));
            tables[^1].Workloads.Add(workload);
            tables[^1].Contenders.AddRange(contenders.Except(tables[^1].Contenders));
        }

        return tables;
    }

    private string Markdown() => string.Join('\n', Groups().Select(table =>
        $"| median | {string.Join(" | ", table.Workloads)} |\n|---|{string.Concat(table.Workloads.Select(_ => "---|"))}\n" + string.Concat(table.Contenders.Select(contender =>
            $"| {contender} | {string.Join(" | ", table.Workloads.Select(workload => Find(workload, contender) is { } m ? Time(m.Median) : "–"))} |\n"))));

    private static string Time(double nanoseconds) => Number(nanoseconds switch
    {
        < 100 => $"{nanoseconds:0.0} ns",
        < 10_000 => $"{nanoseconds:0} ns",
        < 1_000_000 => $"{nanoseconds / 1000:0} µs",
        _ => $"{nanoseconds / 1_000_000:0.0} ms",
    });

    /// <summary>The charts below each other: an SVG inside an SVG for each.</summary>
    private string Svg()
    {
        const int Width = 900;
        var charts = new System.Text.StringBuilder();
        int top = 0;
        foreach ((List<string> workloads, List<string> contenders) in Groups())
        {
            string chart = Chart(top == 0 ? title : "", workloads, contenders, Width, out int height);

            // Without the prolog, moved down, and with names that no other chart has.
            chart = chart[chart.IndexOf("<svg", StringComparison.Ordinal)..].Replace("clipPath", Number($"chart{top}Path"), StringComparison.Ordinal);
            charts.Append(Number($"<svg y=\"{top}\"")).Append(chart.AsSpan("<svg".Length)).Append('\n');
            top += height;
        }

        return Number($"<svg width=\"{Width}\" height=\"{top}\" version=\"1.1\" xmlns=\"http://www.w3.org/2000/svg\">\n{charts}</svg>\n");
    }

    /// <summary>Told apart also by who does not see all colours (Okabe and Ito's), and two more.</summary>
    private static readonly OxyColor[] s_colours =
        [.. ((string[])["#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000", "#7F7F7F", "#8B4513"]).Select(OxyColor.Parse)];

    private string Chart(string caption, List<string> workloads, List<string> contenders, int width, out int height)
    {
        // The axis begins at the power of ten below the shortest bar: what begins before it would be drawn over the names.
        double least = _all.Where(m => workloads.Contains(m.Workload)).Min(m => m.Median);
        double start = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(least, 1))));
        var model = new PlotModel { Title = caption, Background = OxyColors.White, Padding = new OxyThickness(20, 20, 20, 10), DefaultColors = s_colours };
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.RightTop, LegendMargin = 20 });
        model.Axes.Add(new CategoryAxis { Position = AxisPosition.Left, ItemsSource = workloads, StartPosition = 1, EndPosition = 0, GapWidth = 0.3 });
        model.Axes.Add(new LogarithmicAxis { Position = AxisPosition.Bottom, Title = "median ns (logarithmic)", Minimum = start, AxisTitleDistance = 12, MajorGridlineStyle = LineStyle.Dot });
        int bars = 0;
        foreach (string contender in contenders)
        {
            var series = new BarSeries { Title = contender, BaseValue = start };
            for (int i = 0; i < workloads.Count; i++)
            {
                if (Find(workloads[i], contender) is { } m) series.Items.Add(new BarItem(m.Median, i));
            }

            bars += series.Items.Count;
            model.Series.Add(series);
        }

        height = 120 + Math.Max((bars * 9) + (workloads.Count * 6), contenders.Count * 20);
        return new SvgExporter { Width = width, Height = height, UseVerticalTextAlignmentWorkaround = true, TextMeasurer = new WideText(width, height) }.ExportToString(model);
    }

    /// <summary>The exporter takes texts to be as wide as in Arial; readers without it show a wider font, which must not be cut off.</summary>
    private sealed class WideText(double width, double height) : PdfRenderContext(width, height, OxyColors.White)
    {
        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            OxySize size = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new OxySize(size.Width * 1.25, size.Height * 1.15);
        }
    }

    private static string Figure(double nanoseconds) => Number(nanoseconds switch
    {
        < 100 => $"{nanoseconds:0.0}",
        < 100_000 => $"{nanoseconds:0}",
        _ => $"{nanoseconds / 1000:0}k",
    });

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Number(string text) => text;
}
