using System.Globalization;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>From residuals of a subject to what it answers with: the one place that knows what stands behind the last block.</summary>
/// <param name="subject">Who is asked.</param>
internal abstract class ReadOut(Subject subject)
{
    /// <summary>Who is asked.</summary>
    protected Subject Subject => subject;

    /// <summary>What the numbers are; empty where answers are chosen.</summary>
    public virtual IReadOnlyList<string> NumberNames => [];

    /// <summary>What the answers are.</summary>
    public virtual ClassScores Scores => ClassScores.OneOfMany;

    /// <summary>What a run must capture besides the states.</summary>
    public virtual IReadOnlyList<string> Needs => [];

    /// <summary>Whether norm and head are read apart from each other, so that the norm may be held, or left out.</summary>
    public virtual bool ReadsParts => true;

    /// <summary>The read-out of a subject.</summary>
    /// <exception cref="VitrineException">It answers nothing.</exception>
    public static ReadOut Of(Subject subject) => subject.Model switch
    {
        Policy when subject.Flow is { } flow => new VelocityReadOut(subject, flow),
        Policy policy when policy.Actions is not null || (subject.Steps > 1 && subject.Stack.Head is not null) => new VocabularyReadOut(subject),
        Policy policy => new RestReadOut(subject, policy.ActionNames, labels: null),
        TextModel { Labels: { } labels } => new RestReadOut(subject, [], labels),
        TextModel text when text.Language.Head is not null => new VocabularyReadOut(subject),
        VisionModel { Labels: { } labels } => new RestReadOut(subject, [], labels),
        var other => throw new VitrineException(
            $"{other.Name}: this {other.Family} model answers neither in words nor in classes nor in actions, so that no lens can read in them."),
    };

    /// <summary>[row]: columns of a pass that are read.</summary>
    public abstract int[][] Columns(SubjectRun run, int step, int? position);

    /// <summary>Reads residuals.</summary>
    /// <param name="residual">(B,T,d), of a whole pass.</param>
    /// <param name="step">Which pass.</param>
    /// <param name="columns">[row]: those that are read, as many in each row.</param>
    /// <param name="norm">What stands in between.</param>
    /// <param name="last">(B,T,d): the last residual of the pass.</param>
    /// <param name="isNormed">Whether the last norm is behind it already.</param>
    /// <param name="isPart">Whether it is a part of a residual, to which no bias belongs.</param>
    /// <returns>(B,n,N), owned by the caller's dispose scope.</returns>
    public abstract Tensor Read(Tensor residual, int step, int[][] columns, LensNorm norm, Tensor last, bool isNormed, bool isPart);

    /// <summary>An answer as people read it.</summary>
    public virtual string Shown(int id) => id.ToString(CultureInfo.InvariantCulture);

    /// <summary>Numbers of the action that logits (N) mean at a pass; none where they mean none.</summary>
    public virtual IReadOnlyList<double> NumbersOf(Tensor logits, int step) => [];

    /// <summary>Rows of the same number of columns each: (B,n,...).</summary>
    protected static Tensor Picked(Tensor x, int[][] columns)
    {
        var rows = tensor([.. Enumerable.Range(0, columns.Length).Select(r => (long)r)], [columns.Length, 1], device: x.device);
        var places = tensor([.. columns.SelectMany(c => c.Select(i => (long)i))], [columns.Length, columns[0].Length], device: x.device);
        return x.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(places));
    }

    /// <summary>Behind the last norm, as it is asked for.</summary>
    protected static Tensor Normed(Stack stack, Tensor x, Tensor last, LensNorm norm, bool isPart, Tensor? condition)
    {
        if (norm == LensNorm.None || stack.LastNorm is not { } final)
        {
            return x.Widened();
        }

        if (norm == LensNorm.Own)
        {
            return final.Apply(x.RoundedAs(last), condition).Normed;
        }

        var held = new FrozenNorm(final, last, condition).Apply(x, gain: true);
        return isPart || final.Bias is not { } bias ? held : held.Plus(bias.Widened());
    }

    private sealed class VocabularyReadOut(Subject subject) : ReadOut(subject)
    {
        private readonly Policy? policy = subject.Model as Policy;
        private readonly Linear head = subject.Stack.HeadAsRun()!;

        public override IReadOnlyList<string> NumberNames => policy?.Actions is null ? [] : ["expected action"];

        public override int[][] Columns(SubjectRun run, int step, int? position)
        {
            if (policy is null)
            {
                return [.. run.Ids.Select((ids, row) => Own(ids, row, position))];
            }

            return step > 0 ? [.. Subject.Origins.Select(_ => new[] { 0 })]
                : [.. run.Acted!.Layout.Rows.Select(r => new[] { (int)r.Deciding })];
        }

        public override Tensor Read(Tensor residual, int step, int[][] columns, LensNorm norm, Tensor last, bool isNormed, bool isPart)
        {
            var x = Picked(residual, columns);
            var normed = isNormed ? x : Normed(Subject.Stack, x, Picked(last, columns), norm, isPart, condition: null);
            var logits = isPart ? normed.matmul(head.Weight.Widened().t()) : head.Apply(normed.RoundedAs(residual));
            return Subject.Stack.LogitCap is { } cap && !isPart ? cap.Apply(logits) : logits;
        }

        public override string Shown(int id)
        {
            try
            {
                return policy is null ? ((TextModel)Subject.Model).Tokenizer.Shown(id)
                    : policy.Actions is { } actions && actions.IsAction(id)
                        ? string.Create(CultureInfo.InvariantCulture, $"[{actions.Centre(id):+0.00;-0.00;0.00}]")
                        : policy.Tokenizer.Shown(id);
            }
            catch (VitrineException)
            {
                return base.Shown(id);                                                                     // a folder without a tokenizer still has ids
            }
        }

        public override IReadOnlyList<double> NumbersOf(Tensor logits, int step)
        {
            if (policy?.Actions is not { } actions)
            {
                return [];
            }

            var shares = logits.narrow(-1, actions.FirstId, actions.Count).to(float64).softmax(-1).cpu().data<double>().ToArray();
            return [shares.Index().Sum(s => s.Item * actions.Centre(actions.FirstId + s.Index))];
        }

        private static int[] Own(int[] ids, int row, int? position)
        {
            int[] own = [.. ids.Index().Where(t => t.Item >= 0).Select(t => t.Index)];
            if (position is not { } at)
            {
                return own;
            }

            var index = at < 0 ? own.Length + at : at;
            return index >= 0 && index < own.Length
                ? [own[index]]
                : throw new VitrineException($"lens: position {at} lies outside row {row}, which has {own.Length} tokens.");
        }
    }

    private sealed class VelocityReadOut(Subject subject, FlowPolicy flow) : ReadOut(subject)
    {
        public override IReadOnlyList<string> NumberNames => [.. flow.ActionNames.Select(n => $"velocity of {n}")];

        public override int[][] Columns(SubjectRun run, int step, int? position)
            => [.. run.Acted!.Layout.Rows.Select(r => Enumerable.Range((int)r.Deciding, r.DecidingCount).ToArray())];

        public override Tensor Read(Tensor residual, int step, int[][] columns, LensNorm norm, Tensor last, bool isNormed, bool isPart)
        {
            var x = Picked(residual, columns);
            if (norm == LensNorm.Own && !isPart && !isNormed)
            {
                return flow.VelocityOf(x, step);
            }

            var normed = isNormed ? x : Normed(Subject.Stack, x, Picked(last, columns), norm, isPart, flow.ConditionAt(step));
            return flow.VelocityOf(normed, step, isNormed: true);
        }
    }

    /// <summary>Class heads and regression heads: the model's own rest is run for each state.</summary>
    private sealed class RestReadOut(Subject subject, IReadOnlyList<string> numbers, Labels? labels) : ReadOut(subject)
    {
        private SubjectRun? plain;

        public override IReadOnlyList<string> NumberNames => numbers;

        public override ClassScores Scores => labels?.Scores ?? ClassScores.Quantity;

        public override IReadOnlyList<string> Needs => RestOfModel.Needs(Subject);

        public override bool ReadsParts => false;

        public override int[][] Columns(SubjectRun run, int step, int? position)
        {
            plain = run;
            return [.. Subject.Origins.Select(_ => new[] { 0 })];
        }

        public override Tensor Read(Tensor residual, int step, int[][] columns, LensNorm norm, Tensor last, bool isNormed, bool isPart)
        {
            using var run = new RestOfModel(Subject, plain!.Run).Run(_ => residual, CancellationToken.None);
            var answer = run.Run.Logits.dim() == 2 ? run.Run.Logits.unsqueeze(1) : run.Run.Logits;
            return answer.clone();
        }

        public override string Shown(int id) => labels is null ? base.Shown(id) : labels.Names[id];
    }
}
