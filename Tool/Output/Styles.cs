using KAlloc.Tool.Findings;
using Spectre.Console;

namespace KAlloc.Tool.Output;

/// <summary>The few colours in use: the terminal's own palette, so that they fit light and dark backgrounds.</summary>
internal static class Styles
{
    internal static readonly Style Plain = Style.Plain;
    internal static readonly Style Quiet = new(Color.Grey);
    internal static readonly Style Strong = new(decoration: Decoration.Bold);
    internal static readonly Style Place = new(Color.Teal);
    internal static readonly Style Remedy = new(Color.Green);
    internal static readonly Style Added = new(Color.Green);
    internal static readonly Style Removed = new(Color.Maroon);

    internal static Style Of(Level level) => level switch
    {
        Level.Error => new(Color.Red, decoration: Decoration.Bold),
        Level.Warning => new(Color.Olive, decoration: Decoration.Bold),
        _ => new(Color.Navy, decoration: Decoration.Bold),
    };
}
