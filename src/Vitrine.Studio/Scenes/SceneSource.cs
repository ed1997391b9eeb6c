using System.Globalization;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Studio.Scenes;

/// <summary>What an address gives a model to read.</summary>
internal static class SceneSource
{
    /// <summary>Seed of the layouts of the tabletop, as the demo has it.</summary>
    public const ulong Seed = 1;

    private const string Kept = "kept:", Example = "scene";

    /// <summary>What is chosen about the tabletop.</summary>
    public static TabletopOptions Options { get; } = new() { Adverbs = false };

    /// <summary>What a text model reads where nobody typed anything.</summary>
    public static string TextOf(TextModel model)
        => model.Labels is null ? "the red block is on the blue block" : "a very good film";

    /// <summary>The layout of the tabletop that an address names.</summary>
    public static LayoutKey LayoutOf(PageAddress at)
    {
        var task = at.Text("task", TabletopWorld.TaskNames[0]);
        var known = TabletopWorld.TaskNames.Contains(task) ? task : TabletopWorld.TaskNames[0];
        return new LayoutKey(Seed, LayoutSplit.Test, known, at.Whole("layout", 0, 0, 9999));
    }

    /// <summary>The world of the studio, as the demo's: strict physics, sensor noise, no speed or height words.</summary>
    public static TabletopWorld NewWorld() => new(Options);

    /// <summary>What a policy observes: the tabletop as an episode begins, or a picture of one's own with an instruction.</summary>
    public static Observation ObservationOf(PageAddress at, Workplace place)
    {
        var world = NewWorld();
        world.Reset(LayoutOf(at));
        var seen = world.Observe();
        if (at["picture"] is { Length: > 0 })
        {
            seen = new Observation(PictureOf(at, place), seen.Instruction) { State = seen.State };
        }

        return at["say"] is { Length: > 0 } said ? seen with { Instruction = said } : seen;
    }

    /// <summary>A picture: <c>scene</c>, one that was kept, a file of this machine; else the tabletop.</summary>
    /// <exception cref="VitrineException">There is no such file, or it is no picture.</exception>
    public static Picture PictureOf(PageAddress at, Workplace place)
    {
        switch (at.Text("picture", ""))
        {
            case "":
                var world = NewWorld();
                world.Reset(LayoutOf(at));
                return world.Observe().Picture;
            case Example:
                using (var stream = StudioAssets.Stream("scene.png"))
                {
                    using var bytes = new MemoryStream();
                    stream.CopyTo(bytes);
                    return PictureFile.Decode(bytes.ToArray(), "scene.png");
                }

            case var kept when kept.StartsWith(Kept, StringComparison.Ordinal):
                return PictureFile.Read(place.PictureFileOf(kept[Kept.Length..]));
            case var file:
                return PictureFile.Read(file);
        }
    }

    /// <summary>The name by which a kept picture is addressed.</summary>
    public static string NameOf(string kept) => Kept + kept;

    /// <summary>A number as a page writes it.</summary>
    public static string Plain(double value, int decimals = 3)
        => value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
