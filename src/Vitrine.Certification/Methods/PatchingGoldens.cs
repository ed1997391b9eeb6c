using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Patching;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>What goldens of patching are asked of: pairs of texts, and the difference of two answers' logits at the last position.</summary>
/// <param name="Clean">Rows of ids.</param>
/// <param name="Corrupted">Rows of ids.</param>
/// <param name="Metric">Row by row.</param>
internal sealed record PatchingInputs(Subject Clean, Subject Corrupted, Metric Metric)
{
    public static PatchingInputs Of(Fixture fixture, string @case, TextModel model)
    {
        var answers = fixture.Rows($"{@case}/in.answers");
        return new PatchingInputs(
            Subject.Of(model, TokenBatch.Of(fixture.IdRows($"{@case}/in.clean"))), Subject.Of(model, TokenBatch.Of(fixture.IdRows($"{@case}/in.corrupted"))),
            new LogitDifferenceMetric([.. answers.Select(a => (int)a[0])], [.. answers.Select(a => (int)a[1])]));
    }

    /// <summary>Means over the cells of a result, in the shape that its axes give.</summary>
    public static Tensor Grid(PatchResult result, Func<PatchEffect, double> of)
    {
        var cells = result.Cells.Select(c => c.Cell).ToArray();
        long[] shape =
        [
            .. new Func<PatchCell, int?>[] { c => c.Layer, c => c.Position, c => c.Head, c => c.Neuron }
                .Select(axis => cells.Select(axis).OfType<int>().Distinct().LongCount()).Where(n => n > 0),
        ];
        return tensor(result.Cells.Select(c => (float)of(c)).ToArray(), shape);
    }

    /// <summary>Whether models of a fixture are named, and a key of its goldens contains a text.</summary>
    public static bool Has(Fixture fixture, string part)
        => fixture is not null && fixture.Meta.TryGetProperty("models", out _) && fixture.Keys.Any(k => k.Contains(part, StringComparison.Ordinal));

    /// <summary>Every model that a fixture names, opened one after the other.</summary>
    public static IEnumerable<CertificateRow> Each(Fixture fixture, Func<string, TextModel, IEnumerable<CertificateRow>> compare,
        CancellationToken cancellation)
    {
        foreach (var named in fixture.Meta.GetProperty("models").EnumerateObject())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var model = TextModel.Open(MethodsCertifier.Folder(fixture, named.Value.GetString()!));
            foreach (var row in compare(named.Name, model).ToArray())
            {
                yield return row;
            }
        }
    }

    /// <summary>The metric of a run, mean over its rows.</summary>
    public Tensor Mean(Subject subject)
    {
        using var run = subject.Run();
        return tensor((float)Metric.Values(run).Average());
    }
}
