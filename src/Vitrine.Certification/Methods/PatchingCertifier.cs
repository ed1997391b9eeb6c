using Vitrine.Mechanisms.Patching;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies activation patching sweeps: the clean activation put into the corrupted run, cell by cell (TransformerLens).</summary>
internal sealed class PatchingCertifier : ICertifier
{
    private const string Prefix = "patch.", ByPosition = "_by_pos", Ungrouped = "_ungrouped";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => PatchingInputs.Has(fixture, "/patch.");

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
        => PatchingInputs.Each(fixture, (name, model) => Compare(fixture, name, model, cancellation), cancellation);

    private static IEnumerable<CertificateRow> Compare(Fixture fixture, string @case, TextModel model, CancellationToken cancellation)
    {
        var inputs = PatchingInputs.Of(fixture, @case, model);
        var patching = ActivationPatching.Between(inputs.Clean, inputs.Corrupted, inputs.Metric);
        foreach (var key in fixture.KeysOf(@case).Where(k => !k.StartsWith("in.", StringComparison.Ordinal)))
        {
            var expected = fixture.Read($"{@case}/{key}");
            if (key is "clean.metric" or "corrupted.metric")
            {
                yield return Comparison.Of(@case, key, inputs.Mean(key[0] == 'c' && key[1] == 'l' ? inputs.Clean : inputs.Corrupted), expected);
                continue;
            }

            if (!key.StartsWith(Prefix, StringComparison.Ordinal) || Sweep(key[Prefix.Length..], expected) is not { } sweep)
            {
                yield return CertificateRow.Failed(@case, key, "this key is not known");
                continue;
            }

            var found = PatchingInputs.Grid(patching.Run(sweep, cancellation: cancellation), c => c.Mean);
            yield return Comparison.Of(@case, key, key.StartsWith("patch.pattern_by", StringComparison.Ordinal) ? found.transpose(1, 2) : found, expected);
        }
    }

    /// <remarks>The library's sweep over ungrouped keys and values asks as many query heads as there are of keys.</remarks>
    private static PatchSweep? Sweep(string name, Tensor expected)
    {
        var isByPosition = name.EndsWith(ByPosition, StringComparison.Ordinal);
        var isUngrouped = name.EndsWith(Ungrouped, StringComparison.Ordinal);
        var point = name[..^(isByPosition ? ByPosition.Length : isUngrouped ? Ungrouped.Length : 0)];
        IReadOnlyList<PatchAxis>? by = point switch
        {
            "resid_pre" or "resid_mid" or "attn_out" or "mlp_out" when point == name => [PatchAxis.Position],
            "z" or "q" or "k" or "v" or "pattern" => isByPosition ? [PatchAxis.Position, PatchAxis.Head] : [PatchAxis.Head],
            _ => null,
        };
        return by is null ? null : new PatchSweep
        {
            Points = [point],
            By = by,
            Ungrouped = isUngrouped,
            Heads = isUngrouped ? [.. Enumerable.Range(0, (int)expected.shape[1])] : null,
        };
    }
}
