using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary><c>--units</c>: in whose units a policy answers, spelled alike by every verb of policies.</summary>
internal static class UnitsOption
{
    /// <summary>The option; OpenVLA calls it unnorm_key.</summary>
    public static Option<string?> Create() => new("--units", "--unnorm-key")
    {
        Description = "Data set whose units to answer in, where a checkpoint has several.",
    };
}
