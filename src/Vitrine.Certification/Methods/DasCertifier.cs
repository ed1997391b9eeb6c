using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies interchange interventions in a rotated basis (pyvene): the modules alone, their gradients, and edits of models.</summary>
/// <remarks>Which layer, positions and settings a golden is of stands in the sentences of meta.json's <c>calls</c>, and is read there.</remarks>
internal sealed partial class DasCertifier : ICertifier
{
    private const string Modules = "modules";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture is not null && fixture.Meta.TryGetProperty("calls", out _) && fixture.Has("in.low_rank_rotation");

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using (var scope = NewDisposeScope())
        {
            foreach (var key in fixture.Keys.Where(k => !k.Contains('/', StringComparison.Ordinal) && !k.StartsWith("in.",
                StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                yield return Module(fixture, key) is { } found
                    ? Comparison.Of(Modules, key, found, fixture.Read(key), relativeToLargest: key.Contains(".grad_", StringComparison.Ordinal))
                    : CertificateRow.Failed(Modules, key, "this key is not known");
            }
        }

        foreach (var row in PatchingInputs.Each(fixture, (name, model) => Model(fixture, name, model), cancellation))
        {
            yield return row;
        }
    }

    private static Tensor? Module(Fixture fixture, string key)
    {
        Tensor given = fixture.Read("in.base"), source = fixture.Read("in.source");
        var width = (int)given.shape[1];
        if (key.EndsWith(".loss", StringComparison.Ordinal) || key.Contains(".grad_", StringComparison.Ordinal))
        {
            return Trained(fixture, key, given, source, width);
        }

        var (name, rest) = key.IndexOf('.', StringComparison.Ordinal) is var dot and > 0 ? (key[..dot], key[(dot + 1)..]) : (key, "");
        var (rotation, logits) = (fixture.Read("in.rotation"), fixture.Read("in.mask_logits"));
        return name switch
        {
            "addition" => Interchange.Mix(given, source, null, null, InterchangeRule.Add),
            "subtraction" => Interchange.Mix(given, source, null, null, InterchangeRule.Subtract),
            "vanilla" when Chosen(rest) is { } columns => Interchange.Mix(given, source, null, Interchange.MaskOf(width, columns, null, null, 1)),
            "rotated" when Chosen(rest) is { } columns => Interchange.Mix(given, source, rotation, Interchange.MaskOf(width, columns, null, null, 1)),
            "low_rank" when fixture.Read("in.low_rank_rotation") is { } few && FewChosen(rest, (int)few.shape[1]) is { } columns
                => Interchange.Mix(given, source, few, Interchange.MaskOf((int)few.shape[1], columns, null, null, 1)),
            "mask" when Numbers(rest) is [var t] => Interchange.Mix(given, source, null, Interchange.MaskOf(width, null, null, logits, t)),
            "rotated_mask" when Numbers(rest) is [var t] => Interchange.Mix(given, source, rotation, Interchange.MaskOf(width, null, null, logits, t)),
            "boundless" when Numbers(rest) is [var b, var t] => Interchange.Mix(given, source, rotation, Interchange.MaskOf(width, null, tensor((float)b),
                null, t)),
            _ => null,
        };

        // Columns by how a key names them: all, the first so many, or some ranges of the partition.
        int[]? Chosen(string how)
        {
            int[] all = [.. Enumerable.Range(0, width)];
            if (how.Length == 0)
            {
                return all;
            }

            int[] numbers = [.. how.Split('_')[1..].Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
            var ranges = fixture.Rows("in.partition");
            return how.StartsWith("first_", StringComparison.Ordinal) ? all[..numbers[0]]
                : how.StartsWith("partition_", StringComparison.Ordinal) ? [.. numbers.SelectMany(n => all[(int)ranges[n][0]..(int)ranges[n][1]])]
                : null;
        }
    }

    /// <remarks>
    /// The ranges of in.partition are those of the full width. Those of the few columns stand nowhere in the fixture: of all ranges, columns 2 to the last
    /// alone
    /// give its golden, so that they are the first two and the others.
    /// </remarks>
    private static int[]? FewChosen(string how, int count)
    {
        int[] all = [.. Enumerable.Range(0, count)];
        return how switch { "" => all, "partition_0" => all[..2], "partition_1" => all[2..], _ => null };
    }

    private static Tensor? Trained(Fixture fixture, string key, Tensor given, Tensor source, int width)
    {
        var call = fixture.Meta.GetProperty("calls").GetProperty("*.loss, *.grad_*").GetString()!;
        if (Said(call, @"boundary ([\d.]+\d|\.\d+), T ([\d.]+\d|\d+); rotated: first (\d+)") is not [var b, var t, var first])
        {
            throw new VitrineException($"{fixture.Folder}: meta.json does not say boundary, T and columns of the trained goldens.");
        }

        using var mode = enable_grad();
        var rotation = fixture.Read("in.rotation").requires_grad_();
        var boundary = tensor(new[] { (float)b }).requires_grad_();
        var isBoundless = key.StartsWith("boundless.", StringComparison.Ordinal);
        var mask = isBoundless
            ? Interchange.MaskOf(width, null, boundary, null, t)
            : Interchange.MaskOf(width, [.. Enumerable.Range(0, (int)first)], null, null, 1);
        var difference = Interchange.Mix(given, source, rotation, mask) - fixture.Read("in.wanted");
        var loss = (difference * difference).mean();
        if (key.EndsWith(".loss", StringComparison.Ordinal))
        {
            return loss.detach();
        }

        loss.backward();
        return key.EndsWith(".grad_weight", StringComparison.Ordinal) ? rotation.grad
            : key.EndsWith(".grad_boundary", StringComparison.Ordinal) && isBoundless ? boundary.grad
            : null;
    }

    private static IEnumerable<CertificateRow> Model(Fixture fixture, string @case, TextModel model)
    {
        var call = fixture.Meta.GetProperty("calls").GetProperty("<model>/*").GetString()!;
        var layer = Said(call, @"at layer (\d+)")[0];
        var (given, source) = (TokenBatch.Of(fixture.IdRows($"{@case}/in.base")), TokenBatch.Of(fixture.IdRows($"{@case}/in.source")));
        foreach (var key in fixture.KeysOf(@case).Where(k => !k.StartsWith("in.", StringComparison.Ordinal)))
        {
            using var scope = NewDisposeScope();
            var expected = fixture.Read($"{@case}/{key}");
            var name = key.EndsWith(".logits", StringComparison.Ordinal) ? key[..^".logits".Length] : "";
            var point = name.EndsWith("block_output", StringComparison.Ordinal) ? "resid_post"
                : name.EndsWith("block_input", StringComparison.Ordinal) ? "resid_pre"
                : name.EndsWith("mlp_output", StringComparison.Ordinal) ? "mlp.out" : null;
            if (point is null)
            {
                yield return CertificateRow.Failed(@case, key, "this key is not known");
                continue;
            }

            var (from, to) = Said(call, $@"{name} source position (\d+) into base position (\d+)") is [var a, var b] ? (a, b)
                : Said(call, $@"{name} (\d+) into (\d+)") is [var c, var d] ? (c, d)
                : Said(call, $@"{name} position (\d+)") is [var e] ? (e, e)
                : throw new VitrineException($"{fixture.Folder}: meta.json does not say at which positions '{name}' acts.");
            var address = FormattableString.Invariant($"{model.Language.Shape.Name}.{layer}.{point}");
            using var taken = model.Run(source, RunPlan.Capturing(address));
            var edit = new Interchange(address, EditValue.Of(taken[address].narrow(1, (long)from, 1)))
            {
                Scope = new EditScope { Positions = Positions.At((int)to) },
            };
            edit = name.StartsWith("rotated", StringComparison.Ordinal)
                ? edit with
                {
                    Rotation = EditValue.Of(fixture.Read($"{@case}/in.rotation")),
                    Columns = [.. Enumerable.Range(0, (int)Said(call, $@"{name} position \d+, first (\d+)")[0])],
                }
                : name.StartsWith("boundless", StringComparison.Ordinal) && Said(call,
                    $@"{name} position \d+, boundary ([\d.]+), T ([\d.]*\d)") is [var boundary, var t]
                    ? edit with { Rotation = EditValue.Of(fixture.Read($"{@case}/in.rotation")), Boundary = boundary, Temperature = t }
                    : edit;
            using var run = model.Run(given, RunPlan.FromJson(RunPlan.Editing(edit).ToJson()));
            yield return Comparison.Of(@case, key, run.Logits.narrow(1, run.Logits.shape[1] - expected.shape[1], expected.shape[1]), expected);
        }
    }

    private static double[]? Numbers(string rest) => Setting().Matches(rest) is { Count: > 0 } found
        ? [.. found.Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))]
        : null;

    private static double[] Said(string text, string pattern) => Regex.Match(text, pattern) is { Success: true } match
        ? [.. match.Groups.Values.Skip(1).Select(g => double.Parse(g.Value, CultureInfo.InvariantCulture))]
        : [];

    [GeneratedRegex(@"(?:boundary|temperature)_(\d+(?:\.\d+)?)")]
    private static partial Regex Setting();
}
