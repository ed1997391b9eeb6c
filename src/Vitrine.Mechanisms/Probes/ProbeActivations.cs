using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Causes;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Which positions of a row are probed.</summary>
public enum ProbePosition
{
    /// <summary>The last token.</summary>
    Last,

    /// <summary>The first token; of an image encoder with a class token, that one.</summary>
    First,

    /// <summary>The mean over all tokens of the row.</summary>
    Mean,

    /// <summary>Every token by itself.</summary>
    Token,

    /// <summary>
    /// Where a policy decides: the last token of the prompt of one that decodes, else the mean over the rows of its chunk, in the first step.
    /// </summary>
    Deciding,
}

/// <summary>Activations of every layer as probes read them, in float32 on the CPU.</summary>
public sealed class ProbeActivations : IDisposable
{
    private ProbeActivations(IReadOnlyList<ProbedLayer> layers, IReadOnlyList<int> owners, IReadOnlyList<string>? types, EditScope scope)
        => (Layers, Owners, Types, Scope) = (layers, owners, types, scope);

    /// <summary>One a block.</summary>
    public IReadOnlyList<ProbedLayer> Layers { get; }

    /// <summary>Which text, picture or observation each row belongs to.</summary>
    public IReadOnlyList<int> Owners { get; }

    /// <summary>The token of each row, where single tokens of texts are probed: what control tasks give labels to; else null.</summary>
    public IReadOnlyList<string>? Types { get; }

    /// <summary>Where an edit acts on what was read.</summary>
    public EditScope Scope { get; }

    /// <summary>What a policy did meanwhile, one an observation; none otherwise.</summary>
    public IReadOnlyList<PolicyAction> Actions { get; private init; } = [];

    /// <summary>Reads texts.</summary>
    /// <param name="model">Who reads.</param>
    /// <param name="texts">At least one.</param>
    /// <param name="at">Which positions.</param>
    /// <param name="point">A point of the blocks, e.g. <c>resid_post</c> or <c>mlp.neurons</c>; heads are put side by side.</param>
    /// <param name="batch">Texts in one pass.</param>
    /// <param name="progress">Share of the texts that are read.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">A text is empty, the model has no such point or no tokenizer, or the positions are a policy's.</exception>
    public static ProbeActivations OfTexts(
        TextModel model, IReadOnlyList<string> texts, ProbePosition at = ProbePosition.Last, string point = "resid_post", int batch = 16,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(texts);
        RequireNotDeciding(at, model.Name);
        var shape = model.Language.Shape;
        var places = Places(shape, point);
        var plan = RunPlan.Capturing([.. places]) with { StopAfter = shape.Layers - 1, CaptureOnCpu = true };
        var types = new List<string>();
        return Gather(places, texts, batch, Positions(at), progress, cancellation, (chunk, keep) =>
        {
            var rows = model.Encode([.. chunk]);
            using var run = model.Run(rows, plan);
            int[][] own = [.. rows.Positions.Select(p => Enumerable.Range(0, p.Count).Where(t => p[t] >= 0).ToArray())];
            foreach (var (row, tokens) in own.Index())
            {
                types.AddRange(At(tokens, at).Select(t => model.Tokenizer.Shown((int)rows.Ids[row][t])));
            }

            keep(place => Picked(run[place], own, at));
        }, at == ProbePosition.Mean ? null : types);
    }

    /// <summary>Reads pictures.</summary>
    /// <param name="model">Who looks.</param>
    /// <param name="files">PNG and JPEG files.</param>
    /// <param name="at">Which positions; there is no last one.</param>
    /// <param name="point">A point of the blocks.</param>
    /// <param name="progress">Share of the pictures that are read.</param>
    /// <param name="cancellation">Stops between pictures.</param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">A file is no picture, the model has no such point, or the positions are another kind's.</exception>
    public static ProbeActivations OfPictures(
        VisionModel model, IReadOnlyList<string> files, ProbePosition at = ProbePosition.Mean, string point = "resid_post", IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(files);
        RequireNotDeciding(at, model.Name);
        if (at == ProbePosition.Last)
        {
            throw new VitrineException($"{model.Name}: is an image encoder, whose patches have no last one; probe it at mean, first or token.");
        }

        var places = Places(model.Tower.Shape, point);
        var plan = RunPlan.Capturing([.. places]) with { CaptureOnCpu = true };
        return Gather(places, files, batch: 1, EditScope.Everywhere, progress, cancellation, (chunk, keep) =>
        {
            using var input = model.Prepare(PictureFile.Read(chunk[0], upright: true));
            using var run = model.Run(input.Pixels, plan);
            keep(place => Picked(run[place], [[.. Enumerable.Range(0, (int)run[place].shape[1])]], at));
        }, types: null);
    }

    /// <summary>Reads a policy where it decides.</summary>
    /// <param name="policy">Who acts; its units matter to <see cref="Actions"/> alone.</param>
    /// <param name="observations">At least one.</param>
    /// <param name="point">A point of the deciding stack's blocks.</param>
    /// <param name="batch">Observations in one act.</param>
    /// <param name="progress">Share of the observations that are read.</param>
    /// <param name="cancellation">Stops between acts.</param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">There is no observation, or the policy has no such point.</exception>
    public static ProbeActivations OfPolicy(
        Policy policy, IReadOnlyList<Observation> observations, string point = "resid_post", int batch = 16, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var places = Places(policy.DecidingStack(observations).Shape, point);
        var plan = RunPlan.Capturing([.. places]) with { CaptureOnCpu = true };
        var actions = new List<PolicyAction>();
        var scope = new EditScope { Positions = policy.Layout([observations[0]]).DecidingPositions };
        var read = Gather(places, observations, batch, scope, progress, cancellation, (chunk, keep) =>
        {
            using var acted = policy.Act(chunk, plan, cancellation: cancellation);
            actions.AddRange(acted.Actions);
            keep(place => ([.. acted.Layout.At(acted.Run, place, 0).to(float32).flatten(2).mean([1]).unbind(0).Select(r => r.unsqueeze(0))]));
        }, types: null);
        return new ProbeActivations(read.Layers, read.Owners, read.Types, read.Scope) { Actions = actions };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var layer in Layers)
        {
            layer.Activations.Dispose();
        }
    }

    private static void RequireNotDeciding(ProbePosition at, string name)
    {
        if (at == ProbePosition.Deciding)
        {
            throw new VitrineException($"{name}: decides no action; the deciding position is a policy's. Probe it at last, first, mean or token.");
        }
    }

    /// <summary>The point's address in every block.</summary>
    internal static string[] Places(StackShape shape, string point)
    {
        var found = shape.Points.FirstOrDefault(p => p.Name == point && p.IsInBlock && p.Axes != PointAxes.Attention)
            ?? throw new VitrineException($"probe: stack '{shape.Name}' has no point '{point}' of tokens in its blocks; the nearest is "
                + $"'{Nearest.Of(point, shape.Points.Where(p => p.IsInBlock && p.Axes != PointAxes.Attention).Select(p => p.Name))}'.");
        return [.. Enumerable.Range(0, shape.Layers).Select(l => new Address(shape.Name, l, found).ToString())];
    }

    private static EditScope Positions(ProbePosition at) => at switch
    {
        ProbePosition.Last => new EditScope { Positions = Transformers.Edits.Positions.Last },
        ProbePosition.First => new EditScope { Positions = Transformers.Edits.Positions.First },
        _ => EditScope.Everywhere,
    };

    /// <summary>One tensor (k,d) a row of the batch.</summary>
    /// <param name="values">(B,T,...).</param>
    /// <param name="own">[row]: columns that are the row's own.</param>
    /// <param name="at">Which of them.</param>
    private static Tensor[] Picked(Tensor values, int[][] own, ProbePosition at)
    {
        var flat = values.to(float32).flatten(2);                                                          // (B, T, d)
        return [.. own.Select(Of)];

        Tensor Of(int[] columns, int row)
        {
            var tokens = flat[row].index_select(0, tensor(At(columns, at).Select(c => (long)c).ToArray()));    // (t, d)
            return at == ProbePosition.Mean ? tokens.mean([0], keepdim: true) : tokens;
        }
    }

    private static int[] At(int[] columns, ProbePosition at)
        => at switch { ProbePosition.Last => [columns[^1]], ProbePosition.First => [columns[0]], _ => columns };

    private static ProbeActivations Gather<T>(
        string[] places, IReadOnlyList<T> all, int batch, EditScope scope, IProgress<double>? progress, CancellationToken cancellation,
        Action<IReadOnlyList<T>, Action<Func<string, Tensor[]>>> read, List<string>? types)
    {
        if (all.Count == 0 || batch < 1)
        {
            throw new VitrineException($"probe: {all.Count} examples, {batch} in one pass; expected at least one of each.");
        }

        using var outer = NewDisposeScope();
        using var mode = no_grad();
        var (kept, owners, done) = (places.ToDictionary(p => p, _ => new List<Tensor>()), new List<int>(), 0);
        foreach (var chunk in all.Chunk(batch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            read(chunk, pick =>
            {
                foreach (var place in places)
                {
                    var rows = pick(place);
                    if (place == places[0])
                    {
                        owners.AddRange(rows.SelectMany((r, i) => Enumerable.Repeat(done + i, (int)r.shape[0])));
                    }

                    kept[place].Add(cat(rows).clone().MoveToOtherDisposeScope(outer));
                }
            });
            done += chunk.Length;
            progress?.Report(done / (double)all.Count);
        }

        return new(
            [.. places.Select((place, layer) => new ProbedLayer(layer, place, cat(kept[place]).DetachFromDisposeScope()))], owners, types, scope);
    }
}
