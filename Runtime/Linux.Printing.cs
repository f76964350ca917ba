// The kernel face: printk and its kin, BUG_ON and WARN_ON. All of them end in KernelReports. None sleeps; any context.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>KERN_ERR</c>: prefix of a printk text.</summary>
    public const string KERN_ERR = "<3>";

    /// <summary><c>KERN_WARNING</c>: prefix of a printk text.</summary>
    public const string KERN_WARNING = "<4>";

    /// <summary><c>KERN_INFO</c>: prefix of a printk text.</summary>
    public const string KERN_INFO = "<6>";

    /// <summary><c>printk(text)</c>: a line for the log. A level in front (<see cref="KERN_INFO"/>…) is taken off.</summary>
    /// <param name="text">The line; C#'s <c>$"…"</c> takes the place of a format.</param>
    public static void printk(string text) => KernelReports.Info(text is ['<', >= '0' and <= '7', '>', ..] ? text[3..] : text);

    /// <summary><c>pr_err(text)</c>: a line for the log.</summary>
    /// <param name="text">The line.</param>
    public static void pr_err(string text) => KernelReports.Info(text);

    /// <summary><c>pr_warn(text)</c>: a line for the log.</summary>
    /// <param name="text">The line.</param>
    public static void pr_warn(string text) => KernelReports.Info(text);

    /// <summary><c>pr_info(text)</c>: a line for the log.</summary>
    /// <param name="text">The line.</param>
    public static void pr_info(string text) => KernelReports.Info(text);

    /// <summary><c>BUG_ON(condition)</c>: reports a BUG if the condition holds, which by default throws <see cref="KernelBugException"/>.</summary>
    /// <param name="condition">What must not be.</param>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void BUG_ON(bool condition, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (condition) Assertions.Bug(file, line);
    }

    /// <summary><c>WARN_ON(condition)</c>: reports a WARN if the condition holds.</summary>
    /// <param name="condition">What should not be.</param>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    /// <returns>The condition.</returns>
    public static bool WARN_ON(bool condition, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (condition) Assertions.Warn(file, line);
        return condition;
    }

    /// <summary><c>WARN_ON_ONCE(condition)</c>: as <see cref="WARN_ON"/>, but only the first time at this place.</summary>
    /// <param name="condition">What should not be.</param>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    /// <returns>The condition.</returns>
    public static bool WARN_ON_ONCE(bool condition, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (condition) Assertions.WarnOnce(file, line);
        return condition;
    }
}
