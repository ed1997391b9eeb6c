using System.Runtime.InteropServices;

namespace Vitrine.Cli;

/// <summary>Ends the process without what libraries do at the end.</summary>
/// <remarks>
/// libtorch takes its thousands of registered operators apart one by one, a tenth of the processor time of a short run, for memory that the system takes back
/// at once. Everything of this program's own is written and closed by then.
/// </remarks>
internal static partial class QuickExit
{
    /// <returns>The code, where the system ends a process in its own way.</returns>
    public static int With(int code)
    {
        Console.Out.Flush();
        Console.Error.Flush();
        if (OperatingSystem.IsLinux())
        {
            Exit(code);
        }

        return code;
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
