namespace Vitrine.Inputs.Pictures;

/// <summary>The picture prepared once for each image tower, the towers' channels one behind the other.</summary>
/// <param name="Recipes">The steps of each tower.</param>
public sealed record Towers(IReadOnlyList<IReadOnlyList<IPictureStep>> Recipes) : IPictureStep
{
    /// <inheritdoc/>
    public string Describe(ResizeEngine engine)
        => $"{string.Join("; ", Recipes.Select((steps, i) => $"tower {i}: {string.Join(", then ", steps.Select(s => s.Describe(engine)))}"))}; channels of "
            + "the towers one behind the other";

    /// <inheritdoc/>
    public Preparation Apply(Preparation picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var towers = Recipes.Select(steps => steps.Aggregate(picture, (state, step) => step.Apply(state, engine))).SelectMany(t => t.Pixels).ToArray();
        if (towers.Length != Recipes.Count || towers.Any(t => (t.Height, t.Width) != (towers[0].Height, towers[0].Width)))
        {
            throw new VitrineException($"towers: their pictures became {string.Join(", ", towers.Select(t => $"{t.Width} x {t.Height}"))}; expected one size "
                + $"for {Recipes.Count} towers.");
        }

        return picture with { Pixels = [new Pixels(towers.Sum(t => t.Channels), towers[0].Height, towers[0].Width, [.. towers.SelectMany(t => t.Values)])] };
    }
}
