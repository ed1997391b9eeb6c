using System.CommandLine;
using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Cli.Commands;

/// <summary>The option that verbs about value vectors spell alike.</summary>
internal static class RawOption
{
    public static Option<bool> Create() => new("--raw")
    {
        Description = "Read the columns of the down projection as they are, without the norm or LayerScale that stands between them and the residual stream.",
    };

    /// <summary>Says which vectors were read, where there are two kinds.</summary>
    public static void Tell(params IValueVectorSource[] sources)
    {
        foreach (var source in sources.Where(s => s.Form is not null).DistinctBy(s => s.Form))
        {
            Console.WriteLine(source.Form == "raw"
                ? "vectors: raw, without what stands between the neurons and the residual stream"
                : $"vectors: {source.Form} that stands between the neurons and the residual stream; --raw leaves it out");
        }
    }
}
