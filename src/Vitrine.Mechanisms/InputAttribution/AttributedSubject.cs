using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>
/// A metric of a model as a function of what it is given: the embeddings of a text's tokens, the pixels of a picture, the embeddings of a policy's patches,
/// words and state. Its layers are the model's points by their addresses.
/// </summary>
/// <remarks>
/// Embeddings are taken and put in where they enter block 0. Of a policy that says its action token by token, a changed input may change a token that is fed
/// back; the metric then jumps, and no derivative sees it. Dispose it when no method needs it any more.
/// </remarks>
public sealed class AttributedSubject : Attributed, IDisposable
{
    private readonly Metric metric;
    private readonly bool owns;

    private AttributedSubject(Subject subject, Metric metric, Tensor inputs, IReadOnlyList<int> origins, bool owns)
        : base(inputs, origins) => (Subject, this.metric, this.owns) = (subject, metric, owns);

    /// <summary>The model with what it was given.</summary>
    public Subject Subject { get; }

    /// <summary>Whether the inputs are pixels; else they are embeddings.</summary>
    public bool IsOfPixels => Subject.Pixels is not null;

    /// <summary>[row]: what the inputs are, padding left out.</summary>
    public IReadOnlyList<IReadOnlyList<InputToken>> Tokens => Subject.InputTokens;

    /// <summary>Where the embeddings enter.</summary>
    internal string Place => $"{Subject.Reader.Shape.Name}.{Point.Embed.Name}";

    /// <summary>A metric of a subject.</summary>
    /// <param name="subject">Asked once, for its embeddings.</param>
    /// <param name="metric">Any.</param>
    /// <param name="rowsPerPass">Rows that run together.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public static AttributedSubject Of(Subject subject, Metric metric, int rowsPerPass = 32, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        using var scope = NewDisposeScope();
        int[] rows = [.. Enumerable.Range(0, subject.Rows)];
        return new AttributedSubject(subject, metric, Given(subject).clone().DetachFromDisposeScope(), rows, owns: true)
        {
            RowsPerPass = rowsPerPass,
            Cancellation = cancellation,
        };
    }

    /// <summary>The tokens of a row as features: words, patches and state; patches of pixels where the inputs are pixels.</summary>
    /// <param name="row">Of the inputs.</param>
    /// <returns>In the order of <see cref="Tokens"/>; owned by the caller.</returns>
    public InputFeatures Features(int row = 0)
    {
        var tokens = Tokens[row];
        string[] names = [.. tokens.Select(t => t.Name)];
        if (!IsOfPixels)
        {
            return InputFeatures.OfPositions([.. tokens.Select(t => t.Position)], (int)Inputs.shape[1], names);
        }

        var (height, width) = (Inputs.shape[2] / (tokens[^1].Row + 1), Inputs.shape[3] / (tokens[^1].Column + 1));
        return InputFeatures.OfWindows(Inputs.shape[1..], [Inputs.shape[1], height, width], [Inputs.shape[1], height, width], names);
    }

    /// <summary>
    /// What stands in an input's place: nothing, or the mean of its row: of pixels channel by channel, of embeddings over inputs of its kind.
    /// </summary>
    /// <param name="fill">Which.</param>
    /// <returns>(B,...) as the inputs; owned by the caller's dispose scope.</returns>
    public Tensor Baseline(Pictures.AblationFill fill)
    {
        using var scope = NewDisposeScope();
        if (fill == Pictures.AblationFill.Zero)
        {
            return zeros_like(Inputs).MoveToOuterDisposeScope();
        }

        if (IsOfPixels)
        {
            return Inputs.mean([2, 3], keepdim: true).expand(Inputs.shape).clone().MoveToOuterDisposeScope();
        }

        var means = Inputs.clone();
        foreach (var (row, tokens) in Tokens.Index())
        {
            foreach (var kind in tokens.GroupBy(t => t.Kind))
            {
                var at = tensor(kind.Select(t => (long)t.Position).ToArray(), device: Inputs.device);
                var own = Inputs[row].index_select(0, at);
                means[row].index_copy_(0, at, own.mean([0], keepdim: true).expand(own.shape));
            }
        }

        return means.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Attributed With(Tensor inputs, IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new AttributedSubject(Subject, metric, inputs, [.. rows.Select(r => Origins[r])], owns: false)
        {
            RowsPerPass = RowsPerPass,
            Cancellation = Cancellation,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (owns)
        {
            Inputs.Dispose();
        }
    }

    private protected override Evaluation Compute(Tensor inputs, IReadOnlyList<int> origins, EvaluationQuery query)
    {
        using var mode = query.NeedsGradients ? enable_grad() : no_grad();
        var x = inputs.detach().clone().requires_grad_(query.NeedsGradients);
        var all = query.References is null ? x : cat([x, query.References.detach().to(x.dtype, x.device)], 0);
        int[] rows = query.References is null ? [.. origins] : [.. origins, .. origins];
        var visits = new LayerVisits(query, origins.Count);
        using var rules = query.NeedsGradients ? PointRules.Of(query.Rule, Subject) : null;
        var taken = IsOfPixels ? Subject.With(all, rows) : Subject.Take(rows);
        Edit[] inside = query.Layer is { } layer ? [Visited(layer)] : [];
        using var run = taken.Run(new RunPlan
        {
            Edits =
            [
                .. IsOfPixels ? [] : new[] { new CallbackEdit(Place, (_, _) => all) { Scope = new EditScope { Steps = [0] } } },
                .. rules?.Edits ?? [], .. inside, .. rules?.Keeping ?? [],
            ],
            Gradients = query.NeedsGradients ? [Place] : [],
        }, cancellation: Cancellation);
        return visits.Answer(metric.Of(run).narrow(0, 0, origins.Count), x);

        CallbackEdit Visited(string text)
        {
            var address = Address.Parse(text);
            var scope = new EditScope { Steps = [address.Step] };
            return new CallbackEdit((address with { Step = 0 }).ToString(), (at, _) => visits.Layer(text, at)) { Scope = scope };
        }
    }

    private static Tensor Given(Subject subject)
    {
        if (subject.Pixels is { } pixels)
        {
            return pixels.to(subject.Model.Device);
        }

        var place = $"{subject.Reader.Shape.Name}.{Point.Embed.Name}";
        using var run = subject.Run(RunPlan.Capturing(place));
        return run.Run[place].clone();
    }
}
