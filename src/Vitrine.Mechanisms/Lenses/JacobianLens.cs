using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>What a Jacobian lens is fitted to.</summary>
public enum JacobianTarget
{
    /// <summary>The residual behind the last block.</summary>
    Residual,

    /// <summary>The normed residual: times the unembedding it is the mean Jacobian of the logits, which is never formed.</summary>
    Logits,
}

/// <summary>
/// The Jacobian lens: the model behind a depth replaced by its mean first-order map. h becomes y + J_i (h - x), x and y the means of the residual at depth
/// i and of the target, J_i the mean of d target[t] / d h_i[t] over the last positions t of texts.
/// </summary>
/// <remarks>
/// A tangent plane averaged over texts, not a trained guess: it shows what small changes of the residual at that place do to the answer at that place by all
/// paths, attention to itself included, and nothing of what other positions will read.
/// </remarks>
public sealed class JacobianLens : Lens
{
    private const string Format = "vitrine.jacobian_lens/1";

    private readonly Tensor jacobian;                                                                      // (L, d, d)
    private readonly Tensor means;                                                                         // (L + 1, d): of residuals, then of the target

    private JacobianLens(Tensor jacobian, Tensor means, JacobianTarget target, int samples, string fingerprint)
        => (this.jacobian, this.means, Target, Samples, Fingerprint) = (jacobian, means, target, samples, fingerprint);

    /// <inheritdoc/>
    public override string Name => Target == JacobianTarget.Residual ? "Jacobian lens" : "Jacobian lens (logits)";

    /// <inheritdoc/>
    public override bool IsNormed => Target == JacobianTarget.Logits;

    /// <summary>What it was fitted to.</summary>
    public JacobianTarget Target { get; }

    /// <summary>Texts that it is the mean of.</summary>
    public int Samples { get; }

    /// <summary>Of the model's weights.</summary>
    public string Fingerprint { get; }

    /// <summary>The mean Jacobian of a depth (d,d), a view owned by the caller: entry i,j is d target_i / d residual_j.</summary>
    public Tensor this[int depth] => jacobian[depth];

    /// <summary>Fits a lens: one pass with gradients a text and chunk of coordinates.</summary>
    /// <param name="subjects">Each of one row; the same model's.</param>
    /// <param name="target">To what.</param>
    /// <param name="chunk">Coordinates of the target that one backward pass takes; memory grows with it.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between backward passes.</param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">
    /// There is no subject, one has several rows, the model does not speak, or its weights are narrower than float32.
    /// </exception>
    public static JacobianLens Fit(
        IReadOnlyList<Subject> subjects, JacobianTarget target = JacobianTarget.Residual, int chunk = 64, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(subjects);
        ArgumentOutOfRangeException.ThrowIfLessThan(chunk, 1);
        if (subjects.Count == 0 || subjects.FirstOrDefault(s => s.Rows != 1 || s.Model != subjects[0].Model) is not null)
        {
            throw new VitrineException($"Jacobian lens: is fitted to {subjects.Count} subjects; expected at least one, each of one row and all of one model.");
        }

        var stack = subjects[0].Stack;
        if (stack.Head is null || stack.Dtype.IsNarrow() || (stack.LastNorm is null && target == JacobianTarget.Logits))
        {
            throw new VitrineException($"{subjects[0].Model.Name}: a Jacobian lens is fitted to a model that speaks, computed in float32 or wider.");
        }

        var (layers, width, done) = (stack.Shape.Layers, stack.Shape.Width, 0);
        using var scope = NewDisposeScope();
        var (sum, means) = (zeros([layers, width, width], float32, stack.Device), zeros([layers + 1, width], float32, stack.Device));
        foreach (var subject in subjects)
        {
            var copies = subject.Take([.. Enumerable.Repeat(0, Math.Min(chunk, width))]);
            string[] depths = [.. Enumerable.Range(0, layers).Select(l => new Address(stack.Shape.Name, l, Point.ResidPre).ToString())];
            var end = target == JacobianTarget.Logits ? new Address(stack.Shape.Name, null, Point.FinalNorm).ToString()
                : new Address(stack.Shape.Name, layers - 1, Point.ResidPost).ToString();
            using var run = copies.Run(new RunPlan { Gradients = [.. depths, end] }, cancellation: cancellation);
            var column = run.Ids.Count > 0 ? run.Ids[0].Index().Last(t => t.Item >= 0).Index : (int)run.Acted!.Layout.Rows[0].Deciding;
            using (no_grad())
            {
                means = means.Plus(Upon([.. depths.Append(end).Select(a => run.Run[a].detach()[0, column])]) / subjects.Count);
            }

            for (var first = 0; first < width; first += chunk)
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                var count = Math.Min(chunk, width - first);
                var rows = tensor([.. Enumerable.Range(0, count).Select(r => (long)r)], device: stack.Device);
                var gradients = run.Run.GradientsOf(
                    r => r[end].select(1, column).index(TensorIndex.Tensor(rows), TensorIndex.Tensor(rows + first)).sum(),
                    depths.Select(Address.Parse));
                using var mode = no_grad();
                for (var layer = 0; layer < layers; layer++)
                {
                    var own = gradients[Address.Parse(depths[layer])].select(1, column).narrow(0, 0, count).to(float32);
                    var part = sum[layer].narrow(0, first, count);
                    part.copy_(part.Plus(own / subjects.Count));
                }

                done += count;
                progress?.Report((double)done / (subjects.Count * width));
            }
        }

        return new JacobianLens(
            sum.DetachFromDisposeScope(), means.DetachFromDisposeScope(), target, subjects.Count, subjects[0].Model.Fingerprint);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="path">A safetensors file.</param>
    /// <param name="model">Whose lens it must be.</param>
    /// <exception cref="VitrineException">It is no Jacobian lens, or another model's.</exception>
    public static JacobianLens Load(string path, Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != Format || !file.Metadata.TryGetValue("fingerprint", out var fingerprint)
            || !Enum.TryParse<JacobianTarget>(file.Metadata.GetValueOrDefault("target"), out var target)
            || !int.TryParse(file.Metadata.GetValueOrDefault("samples"), NumberStyles.None, CultureInfo.InvariantCulture, out var samples)
            || !file.Tensors.TryGetValue("jacobian", out var shaped) || !file.Tensors.TryGetValue("means", out var mean)
            || shaped.Shape is not [var layers, var width, var same] || same != width || !mean.Shape.SequenceEqual([layers + 1, width]))
        {
            throw new VitrineException($"{path}: is no Jacobian lens of this version (format {Format}: 'jacobian' [L, d, d] and 'means' [L + 1, d]).");
        }

        if (fingerprint != model.Fingerprint)
        {
            throw new VitrineException($"{path}: was fitted to other weights ({fingerprint[..12]}) than those of {model.Name} ({model.Fingerprint[..12]}).");
        }

        using var scope = NewDisposeScope();
        return new JacobianLens(Read("jacobian"), Read("means"), target, samples, fingerprint);

        Tensor Read(string name) => file.Read(name).to(float32).clone().to(model.Device).DetachFromDisposeScope();
    }

    /// <summary>Writes a safetensors file: <c>jacobian</c> [L,d,d] and <c>means</c> [L+1,d].</summary>
    /// <exception cref="VitrineException">It cannot be written.</exception>
    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor> { ["jacobian"] = jacobian.cpu(), ["means"] = means.cpu() };
        using var writer = SafetensorsWriter.Create(path, [.. tensors.Select(t => TensorPlan.Of(t.Key, t.Value))], new Dictionary<string, string>
        {
            ["format"] = Format,
            ["fingerprint"] = Fingerprint,
            ["target"] = $"{Target}",
            ["samples"] = Samples.ToString(CultureInfo.InvariantCulture),
        });
        foreach (var (name, value) in tensors)
        {
            writer.Write(name, value);
        }

        writer.Finish();
    }

    /// <inheritdoc/>
    public override Tensor Apply(Tensor residual, int depth)
    {
        ArgumentNullException.ThrowIfNull(residual);
        return depth >= jacobian.shape[0]
            ? residual
            : residual.Widened().Minus(means[depth]).matmul(jacobian[depth].t()).Plus(means[^1]).to(residual.Widened().dtype);
    }

    /// <inheritdoc/>
    public override void RequireOf(Stack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        if ((jacobian.shape[0], jacobian.shape[1]) != (stack.Shape.Layers, stack.Shape.Width))
        {
            throw new VitrineException($"Jacobian lens: is of {jacobian.shape[0]} blocks of width {jacobian.shape[1]}; stack '{stack.Shape.Name}' has "
                + $"{stack.Shape.Layers} of width {stack.Shape.Width}.");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            jacobian.Dispose();
            means.Dispose();
        }
    }

    private static Tensor Upon(IReadOnlyList<Tensor> rows) => cat([.. rows.Select(r => r.to(float32).unsqueeze(0))], 0);
}
