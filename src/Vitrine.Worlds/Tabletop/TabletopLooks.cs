using Vitrine.Mechanisms.Heads;
using Vitrine.Policies;

namespace Vitrine.Worlds.Tabletop;

/// <summary>
/// Where the things of the tabletop stand in the sequence that a policy reads: the world knows, so that heads can be asked what they look at.
/// </summary>
public static class TabletopLooks
{
    private static readonly string[] Colours = [.. Enum.GetNames<ObjectColour>()], Shapes = [.. Enum.GetNames<ObjectShape>()];
    private static readonly string[] Manners = ["fast", "slow", "high", "low"];

    /// <summary>
    /// Situations with the <c>named object</c>, the <c>other objects</c>, the <c>gripper</c>, the <c>colour word</c>, the <c>shape word</c> and the
    /// <c>adverb</c> of each.
    /// </summary>
    /// <param name="policy">Who looks.</param>
    /// <param name="seed">Decides what is drawn.</param>
    /// <param name="count">How many.</param>
    public static IReadOnlyList<LookScene> Draw(Policy policy, ulong seed, int count)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return [.. TabletopStates.Worlds(seed, LayoutSplit.Test, ["reach", "lift", "push"], count, adverbs: true).Select(world => Of(policy, world))];
    }

    /// <summary>One situation.</summary>
    /// <param name="policy">Who looks.</param>
    /// <param name="world">As it stands.</param>
    public static LookScene Of(Policy policy, TabletopWorld world)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(world);
        var seen = world.Observe();
        var row = policy.Layout([seen]).Rows[0];
        var words = LookScene.WordsOf(policy, seen, row);
        var at = new Dictionary<string, IReadOnlyList<long>>
        {
            ["colour word"] = Words(Colours),
            ["shape word"] = Words(Shapes),
            ["adverb"] = Words(Manners),
        };
        foreach (var picture in row.Pictures.Values.Take(1))
        {
            var (objects, target) = (world.State.Objects, world.Layout.Spec.Target);
            var named = target >= 0 ? Patches(picture, world.View.Moved(TabletopRenderer.BoundsOf(objects[target]))) : [];
            at["named object"] = named;
            at["other objects"] =
            [
                .. objects.Where((_, i) => i != target).SelectMany(o => Patches(picture, world.View.Moved(TabletopRenderer.BoundsOf(o)))).Except(named)
                    .Distinct(),
            ];
            at["gripper"] = Patches(picture, world.View.Moved(TabletopRenderer.BoundsOfGripper(world.State)));
        }

        if (row.State.Count > 0)
        {
            at[PromptLayout.State] = row.State;
        }

        return new LookScene(seen, at, at.Where(a => a.Key.EndsWith("word", StringComparison.Ordinal)).ToDictionary());

        long[] Words(string[] concepts) =>
        [
            .. words.Where(w => TabletopVocabulary.ConceptOf(w.Word) is { } concept && concepts.Contains(concept.Name, StringComparer.OrdinalIgnoreCase))
                .SelectMany(w => w.Positions),
        ];
    }

    /// <summary>Patches of which a rectangle covers a quarter, or the one that holds its middle where there is none.</summary>
    internal static long[] Patches(PromptPicture picture, (double Left, double Top, double Width, double Height) bounds)
    {
        var (width, height) = ((double)TabletopRenderer.Size / picture.Columns, (double)TabletopRenderer.Size / picture.Rows);
        long[] covered =
        [
            .. Enumerable.Range(0, picture.Count).Where(p =>
            {
                var (left, top) = (p % picture.Columns * width, p / picture.Columns * height);
                var across = Math.Min(left + width, bounds.Left + bounds.Width) - Math.Max(left, bounds.Left);
                var down = Math.Min(top + height, bounds.Top + bounds.Height) - Math.Max(top, bounds.Top);
                return across > 0 && down > 0 && across * down >= width * height / 4;
            }).Select(p => picture.First + p),
        ];
        if (covered.Length > 0)
        {
            return covered;
        }

        var column = Math.Clamp((int)((bounds.Left + (bounds.Width / 2)) / width), 0, picture.Columns - 1);
        var row = Math.Clamp((int)((bounds.Top + (bounds.Height / 2)) / height), 0, picture.Rows - 1);
        return [picture.First + (row * picture.Columns) + column];
    }
}
