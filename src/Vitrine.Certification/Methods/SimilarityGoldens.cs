using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Mechanisms.Geometry;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Centred kernel alignment of every two views, and Procrustes of the two that meta.json names (SciPy).</summary>
internal sealed partial class SimilarityGoldens(Fixture fixture) : INumberGoldens
{
    private readonly string[] views =
        [.. Enumerable.Range(0, fixture.Keys.Count()).Select(i => string.Create(CultureInfo.InvariantCulture, $"in.view{i}")).TakeWhile(fixture.Has)];

    /// <inheritdoc/>
    public bool IsEntryByEntry => false;

    /// <inheritdoc/>
    public bool IsInput(string key) => views.Contains(key);

    /// <inheritdoc/>
    public double[]? Of(string key)
    {
        using var scope = NewDisposeScope();
        return key switch
        {
            "cka.linear" => EveryTwo(Similarity.LinearCka),
            "cka.linear_unbiased" => EveryTwo(Similarity.UnbiasedCka),
            "procrustes.rotation" => [.. Fitted("rotation").Rotation.SelectMany(r => r)],
            "procrustes.scale" => [Fitted("rotation").Scale],
            "procrustes.disparity" => [Fitted("disparity").Disparity],
            _ => null,
        };
    }

    private double[] EveryTwo(Func<Tensor, Tensor, double> alike)
    {
        Tensor[] all = [.. views.Select(fixture.Read)];
        return [.. all.SelectMany(a => all.Select(b => alike(a, b)))];
    }

    private Procrustes Fitted(string what)
    {
        var call = fixture.Meta.GetProperty("calls").GetProperty($"procrustes.{what}").GetString()!;
        return View().Matches(call) is [var a, var b]
            ? Procrustes.Fit(fixture.Read($"in.{a.Value}"), fixture.Read($"in.{b.Value}"))
            : throw new VitrineException($"{fixture.Folder}: meta.json's call '{call}' does not name two views.");
    }

    [GeneratedRegex(@"view\d+")]
    private static partial Regex View();
}
