using Vitrine.Mechanisms.Patching;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies attribution patching for nodes, and the gradients that it is made of (TransformerLens).</summary>
/// <remarks>Goldens take the gradient of a mean over the pairs; ours are of each pair's own metric, so they are divided by how many there are.</remarks>
internal sealed class AttributionPatchingCertifier : ICertifier
{
    private const string Estimate = "attribution.", AtCorrupted = "grad.", AtClean = "grad_clean.", ByPosition = "_by_pos";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => PatchingInputs.Has(fixture, $"/{Estimate}resid_pre");

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var inputs = Inputs(fixture);
        foreach (var row in PatchingInputs.Each(fixture, (name, model) => Compare(fixture, inputs, name, model, cancellation), cancellation))
        {
            yield return row;
        }
    }

    /// <remarks>meta.json says "in.* of methods/patching"; goldens may also bring their own.</remarks>
    private static Fixture Inputs(Fixture fixture)
    {
        const string Of = "in.* of ";
        return !fixture.Meta.TryGetProperty("inputs", out var inputs) ? Fixture.Open(fixture.Folder)
            : inputs.GetString() is { } text && text.StartsWith(Of, StringComparison.Ordinal)
                ? Fixture.Open(MethodsCertifier.Folder(fixture, text[Of.Length..]))
                : throw new VitrineException($"{fixture.Folder}: meta.json has inputs '{inputs}'; expected 'in.* of FOLDER'.");
    }

    private static IEnumerable<CertificateRow> Compare(Fixture fixture, Fixture given, string @case, TextModel model, CancellationToken cancellation)
    {
        var inputs = PatchingInputs.Of(given, @case, model);
        foreach (var key in fixture.KeysOf(@case).Where(k => !k.StartsWith("in.", StringComparison.Ordinal)))
        {
            using var scope = NewDisposeScope();
            var expected = fixture.Read($"{@case}/{key}");
            if (key is "clean.metric" or "corrupted.metric")
            {
                yield return Comparison.Of(@case, key, inputs.Mean(key == "clean.metric" ? inputs.Clean : inputs.Corrupted), expected);
            }
            else if (key.StartsWith(AtCorrupted, StringComparison.Ordinal) || key.StartsWith(AtClean, StringComparison.Ordinal))
            {
                var isClean = key.StartsWith(AtClean, StringComparison.Ordinal);
                var address = key[(isClean ? AtClean : AtCorrupted).Length..];
                var subject = isClean ? inputs.Clean : inputs.Corrupted;
                var gradient = AttributionPatching.Gradients(subject, inputs.Metric, address)[Address.Parse(address)];
                yield return Comparison.Of(@case, key, gradient / tensor((float)subject.Rows), expected, relativeToLargest: true);
            }
            else if (key.StartsWith(Estimate, StringComparison.Ordinal) && Sweep(key[Estimate.Length..]) is { } sweep)
            {
                var result = AttributionPatching.Of(inputs.Clean, inputs.Corrupted, inputs.Metric, sweep, cancellation: cancellation);
                yield return Comparison.Of(@case, key, PatchingInputs.Grid(result, result.Change), expected);
            }
            else
            {
                yield return CertificateRow.Failed(@case, key, "this key is not known");
            }
        }
    }

    private static PatchSweep? Sweep(string name)
    {
        var isByPosition = name.EndsWith(ByPosition, StringComparison.Ordinal);
        var point = isByPosition ? name[..^ByPosition.Length] : name;
        IReadOnlyList<PatchAxis>? by = point switch
        {
            "resid_pre" or "resid_mid" or "attn_out" or "mlp_out" => [PatchAxis.Position],
            "z" or "q" or "k" or "v" or "pattern" => isByPosition ? [PatchAxis.Position, PatchAxis.Head] : [PatchAxis.Head],
            "neurons" => [PatchAxis.Neuron],
            _ => null,
        };
        return by is null ? null : new PatchSweep { Points = [point], By = by };
    }
}
