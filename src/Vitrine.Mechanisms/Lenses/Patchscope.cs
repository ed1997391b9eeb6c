using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>Where a patchscope takes a residual from, and where it puts it.</summary>
/// <param name="Position">Of the source text; negative from its end.</param>
/// <param name="TargetPosition">Of the target text; negative from its end.</param>
public sealed record PatchscopePlace(int Position = -1, int TargetPosition = -1)
{
    /// <summary>The block behind which the residual is put; null for the one behind which it was taken.</summary>
    public int? TargetLayer { get; init; }

    /// <summary>New tokens to decode.</summary>
    public int Tokens { get; init; } = 8;

    /// <summary>Next tokens to keep.</summary>
    public int Count { get; init; } = 5;
}

/// <summary>What a text says once a residual of another stands in it.</summary>
/// <param name="Layer">The block behind which the residual was taken.</param>
/// <param name="Token">What stands at the place it was taken from.</param>
/// <param name="Said">What was decoded.</param>
/// <param name="Top">The next tokens that score highest.</param>
/// <param name="Divergence">KL(patched || plain) of the next token, nats.</param>
public sealed record PatchscopeReading(int Layer, string Token, string Said, IReadOnlyList<TokenLogit> Top, double Divergence);

/// <summary>Patchscopes: a residual of one run is put into another text, and the model says in words what it holds (Ghandeharioun et al. 2024).</summary>
/// <remarks>
/// What is said is the target's continuation with one residual replaced in its prefill. It depends on the target: hold it against what the target says plainly,
/// which stands beside it.
/// </remarks>
public static class Patchscope
{
    /// <summary>A target whose last word is a placeholder, behind examples that repeat theirs: it asks for the name of what stands there.</summary>
    public const string Identity = "cat cat; river river; blue blue; ?";

    /// <summary>Reads the residuals behind chosen blocks.</summary>
    /// <param name="model">It speaks.</param>
    /// <param name="source">The text that is read.</param>
    /// <param name="target">The text that is patched, e.g. <see cref="Identity"/>.</param>
    /// <param name="layers">Blocks of the source; all when null.</param>
    /// <param name="place">Where.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between blocks.</param>
    /// <returns>What the target says plainly, and what it says block by block.</returns>
    /// <exception cref="VitrineException">A block or a position does not exist, or the model does not speak.</exception>
    public static (string Plain, IReadOnlyList<PatchscopeReading> Readings) Read(
        TextModel model, string source, string target, IReadOnlyList<int>? layers = null, PatchscopePlace? place = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (shape, at) = (model.Language.Shape, place ?? new PatchscopePlace());
        int[] asked = layers is null ? [.. Enumerable.Range(0, shape.Layers)] : [.. layers];
        if (asked.Append(at.TargetLayer ?? 0).FirstOrDefault(l => l < 0 || l >= shape.Layers, -1) is not -1 and var missing)
        {
            throw new VitrineException($"patchscope: there is no block {missing}; {model.Name} has {shape.Layers}, counted from 0.");
        }

        var (read, patched) = (model.Encode(source), model.Encode(target));
        var position = Index(read.Ids[0].Count, at.Position, "the text that is read");
        var put = Index(patched.Ids[0].Count, at.TargetPosition, "the text that is patched");
        using var mode = no_grad();
        using var run = model.Run(read, RunPlan.Capturing($"{shape.Name}.*.{Point.ResidPost}"));
        using var plain = model.Generate(patched, at.Tokens, cancellation: cancellation);
        using var first = plain.Run.Logits[0, 0];
        var readings = new List<PatchscopeReading>();
        foreach (var (i, layer) in asked.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var residual = run[new Address(shape.Name, layer, Point.ResidPost).ToString()][0, position];
            var into = new Address(shape.Name, at.TargetLayer ?? layer, Point.ResidPost).ToString();
            var edit = new Replace(into, EditValue.Of(residual)) { Scope = new EditScope { Positions = Positions.At(put), Steps = [0] } };
            using var said = model.Generate(patched, at.Tokens, RunPlan.Editing(edit), cancellation);
            var logits = said.Run.Logits[0, 0];
            readings.Add(new PatchscopeReading(
                layer, model.Tokenizer.Shown((int)read.Ids[0][position]), Text(said),
                [.. Answer.Of(logits, ClassScores.OneOfMany, at.Count).Select(a => new TokenLogit(a.Id, model.Tokenizer.Shown(a.Id), a.Logit, a.Probability))],
                Trajectory.Divergence(logits, first).item<float>()));
            progress?.Report((i + 1.0) / asked.Length);
        }

        return (Text(plain), readings);

        string Text(Generation made) => model.Tokenizer.Decode([.. made.Ids[0].Take(made.Lengths[0]).Select(id => (int)id)], skipSpecialTokens: true);
    }

    private static int Index(int count, int position, string what)
    {
        var at = position < 0 ? count + position : position;
        return at >= 0 && at < count ? at : throw new VitrineException($"patchscope: {what} has {count} tokens; there is no position {position}.");
    }
}
