using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Certification.Models;

/// <summary>Reads the one-sentence descriptions of interventions in a fixture's meta.json, numbers included.</summary>
internal static partial class DescribedEdits
{
    /// <param name="fixture">The fixture.</param>
    /// <param name="name">Name of the edit, e.g. <c>zero_head</c>.</param>
    /// <param name="stack">The stack that the descriptions mean.</param>
    /// <param name="replacement">From an address to the activation of the other prompt (in.input_ids_b).</param>
    public static IReadOnlyList<Edit> Read(Fixture fixture, string name, string stack, Func<string, TorchSharp.torch.Tensor> replacement)
    {
        var what = What(fixture, name);
        switch (name)
        {
            case "clamp_neurons_all" or "clamp_neurons_last" or "clamp_generate":
                var clamp = Match(Clamped(), What(fixture, "clamp_neurons_all"), name);
                var layer = Whole(clamp, "layer");
                var indices = clamp.Groups["indices"].Value.Split(',').Select(i => int.Parse(i, CultureInfo.InvariantCulture));
                var scope = name == "clamp_neurons_last" ? new EditScope { Positions = Positions.Last } : EditScope.Everywhere;
                return [new Clamp(new NeuronSet(indices.Select(i => new Neuron(layer, i)), stack), Real(clamp, "value")) { Scope = scope }];
            case "add_vector":
                var add = Match(Added(), what, name);
                using (var vector = fixture.Read($"edit/{name}/in.vector"))
                {
                    return [new Add($"{stack}.{Whole(add, "layer")}.{add.Groups["point"].Value}", EditValue.Of(vector), Real(add, "value"))];
                }

            case "zero_head":
                var head = Match(Headed(), what, name);
                return [new Zero($"{stack}.{Whole(head, "layer")}.{head.Groups["point"].Value}") { Scope = new EditScope { Heads = [Whole(head, "head")] } }];
            case "mean_ablate_mlp":
                var mean = Match(Averaged(), what, name);
                return [new Mean($"{stack}.{Whole(mean, "layer")}.{mean.Groups["point"].Value}")];
            case "patch_resid":
                var patch = Match(Patched(), what, name);
                var address = $"{stack}.{Whole(patch, "layer")}.{patch.Groups["point"].Value}";
                using (var row = replacement(address).select(1, Whole(patch, "from")))
                {
                    return [new Replace(address, EditValue.Of(row)) { Scope = new EditScope { Positions = Positions.At(Whole(patch, "to")) } }];
                }

            case "attn_knockout":
                var cut = Match(Cut(), what, name);
                int[] keys = [.. Number().Matches(cut.Groups["keys"].Value).Select(m => int.Parse(m.Value, CultureInfo.InvariantCulture))];
                return [new KnockOut($"{stack}.{Whole(cut, "layer")}.attn.scores",
                    Positions.At(keys)) { Scope = new EditScope { Positions = Positions.Last } }];
            default:
                throw new VitrineException($"{fixture.Folder}: edit '{name}' is not known.");
        }
    }

    private static string What(Fixture fixture, string name)
        => fixture.Meta.TryGetProperty("edits", out var edits) && edits.TryGetProperty(name, out var edit) && edit.TryGetProperty("what", out var what)
            ? what.GetString()!
            : throw new VitrineException($"{fixture.Folder}: meta.json does not describe the edit '{name}'.");

    private static Match Match(Regex form, string what, string name)
        => form.Match(what) is { Success: true } match ? match : throw new VitrineException($"edit '{name}': the description '{what}' is not understood.");

    private static int Whole(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    private static double Real(Match match, string group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^mlp\.neurons of layer (?<layer>\d+), indices \[(?<indices>[\d, ]+)\], set to (?<value>-?[\d.]+) at every")]
    private static partial Regex Clamped();

    [GeneratedRegex(@"^(?<value>-?[\d.]+) \* in\.vector .*added to (?<point>[\w.]+) of layer (?<layer>\d+) at every position")]
    private static partial Regex Added();

    [GeneratedRegex(@"^(?<point>[\w.]+) of head (?<head>\d+) in layer (?<layer>\d+) set to 0 at every position")]
    private static partial Regex Headed();

    [GeneratedRegex(@"^(?<point>[\w.]+) of layer (?<layer>\d+) replaced by its mean over the positions")]
    private static partial Regex Averaged();

    [GeneratedRegex(@"^(?<point>[\w.]+) of layer (?<layer>\d+) at position (?<to>\d+) replaced by that of the prompt in\.input_ids_b at position (?<from>\d+)")]
    private static partial Regex Patched();

    [GeneratedRegex(@"^layer (?<layer>\d+), all heads: score of query T-1 to keys? (?<keys>[\d, and]+) set to -inf")]
    private static partial Regex Cut();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();
}
