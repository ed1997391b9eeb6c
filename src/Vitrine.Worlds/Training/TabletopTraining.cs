using System.Diagnostics;
using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>Trains a policy of the tabletop from what the scripted expert would do, in the states that the expert and the student reach.</summary>
/// <remarks>
/// What was stopped goes on in the same folder and comes to the same bits: random numbers come from the seed and the step, and weights, moments and episodes
/// are kept whole. A folder of another recipe, another start or another number of threads is refused.
/// </remarks>
public sealed class TabletopTraining
{
    private const string CurveFile = "learning.json", PolicyFolder = "policy";

    private readonly TrainingRecipe recipe;
    private readonly string from;
    private readonly bool fromScratch;

    /// <param name="recipe">How.</param>
    /// <param name="from">The policy to start from, as <see cref="Policy.Open"/> takes it.</param>
    /// <param name="fromScratch">Whether only sizes, words and units are taken of it, and its weights begin anew.</param>
    /// <exception cref="VitrineException">The recipe cannot be carried out.</exception>
    public TabletopTraining(TrainingRecipe recipe, string from, bool fromScratch = false)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(from);
        recipe.Check();
        (this.recipe, this.from, this.fromScratch) = (recipe, from, fromScratch);
    }

    /// <summary>Steps between two states that are kept.</summary>
    public int KeepEvery { get; init; } = 50;

    /// <summary>Where the trained policy lies in a training's folder.</summary>
    public static string PolicyIn(string folder) => Path.Combine(folder, PolicyFolder);

    /// <summary>The curve of a training that has ended, or that has been stopped and kept.</summary>
    /// <exception cref="VitrineException">The folder has none.</exception>
    public static LearningCurve CurveIn(string folder)
        => File.Exists(Path.Combine(folder, TrainingState.FileName))
            ? CurveOf(TrainingState.Peek(Path.Combine(folder, TrainingState.FileName)))
            : throw new VitrineException($"{folder}: holds no training ({TrainingState.FileName}).");

    /// <summary>Trains, or goes on where a training in the folder was stopped.</summary>
    /// <param name="folder">Where the state, the curve and in the end the policy are kept.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops behind a step; what was reached is kept.</param>
    /// <returns>The whole curve. The policy then lies in <see cref="PolicyIn"/>, to be opened like any other.</returns>
    /// <exception cref="VitrineException">
    /// The folder is another training's, or is being written; the policy is of no such kind; a number is not finite.
    /// </exception>
    public LearningCurve Run(string folder, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        AtomicFile.RequireFolder(folder);
        using var held = Lock(folder);
        using var threads = ComputeThreads.Of(recipe.Threads);
        using var learner = Learner.Open(from, recipe);
        using var optimiser = new AdamW(learner.Leaves, recipe.WeightDecay, recipe.Clip);
        var world = TabletopWorldOf(recipe.World);
        var path = Path.Combine(folder, TrainingState.FileName);
        var state = File.Exists(path) ? Resumed(path, learner, optimiser) : Begun(learner, world);
        var stream = TrainingStream.Resumed(recipe, world, learner.Horizon, state.Experts, state.Students);
        var (points, began, kept) = (state.Points.ToList(), ProcessorSeconds(), state.Step);
        for (var step = state.Step; step < recipe.Steps; step++)
        {
            if (cancellation.IsCancellationRequested)
            {
                Keep(step);
                cancellation.ThrowIfCancellationRequested();
            }

            points.Add(Step(learner, optimiser, stream, step));
            progress?.Report(new(step + 1, recipe.Steps, state.Step, points[^1]));
            if ((step + 1) % KeepEvery == 0 || step + 1 == recipe.Steps)
            {
                Keep(step + 1);
            }
        }

        var curve = CurveOf(state with { Points = points, ProcessorSeconds = Spent() });
        WritePolicy(learner, PolicyIn(folder));
        AtomicFile.WriteAllText(Path.Combine(folder, CurveFile), JsonSerializer.Serialize(curve, TrainingJsonContext.Default.LearningCurve));
        return curve;

        double Spent() => state.ProcessorSeconds + ProcessorSeconds() - began;

        void Keep(int step)
        {
            if (step == kept && File.Exists(path))
            {
                return;
            }

            var (experts, students) = stream.Episodes;
            kept = step;
            (state with
            {
                Step = step,
                ProcessorSeconds = Spent(),
                Points = points,
                Experts = experts,
                Students = students,
                Taken = optimiser.Taken,
            }).Write(path, learner.Leaves, optimiser);
        }
    }

    private LearningPoint Step(Learner learner, AdamW optimiser, TrainingStream stream, int step)
    {
        var frames = stream.Draw(step);
        var rate = recipe.RateAt(step);
        double gradient, value;
        IReadOnlyDictionary<string, double> measures;
        using (NewDisposeScope())
        {
            (var loss, measures) = learner.Loss(frames, step);
            value = loss.Value();
            if (!double.IsFinite(value))
            {
                throw new NonFiniteException(
                    $"training, step {step}: the loss is no finite number "
                        + $"({string.Join(", ", measures.Where(m => !double.IsFinite(m.Value)).Select(m => m.Key))}). "
                        + "The state before it is kept; a smaller learning rate may help.");
            }

            gradient = optimiser.Step(loss, name => rate * learner.RateOf(name));
        }

        TrainingFrame[] acting = [.. frames.Where(f => f.IsStudent)];
        if (acting.Length > 0)
        {
            stream.Advance(step, frames, learner.Act(acting, step));
        }

        return new(step, value, rate, gradient, measures);
    }

    private TrainingState Begun(Learner learner, TabletopOptions world)
    {
        var fingerprint = learner.Policy.Fingerprint;
        if (fromScratch)
        {
            learner.BeginAnew();
        }

        var (experts, students) = new TrainingStream(recipe, world, learner.Horizon).Episodes;
        return new(recipe, from, fingerprint, fromScratch, 0, 0, new Dictionary<string, int>(), experts, students, []);
    }

    private TrainingState Resumed(string path, Learner learner, AdamW optimiser)
    {
        var state = TrainingState.Peek(path);
        Require(JsonSerializer.Serialize(state.Recipe, TrainingJsonContext.Default.TrainingRecipe)
            == JsonSerializer.Serialize(recipe, TrainingJsonContext.Default.TrainingRecipe), "another recipe (steps, rates, seed, world or threads differ)");
        Require(state.FromFingerprint == learner.Policy.Fingerprint, $"a start from other weights ('{state.From}')");
        Require(state.FromScratch == fromScratch, state.FromScratch ? "a training from scratch" : "a training from a checkpoint");
        return TrainingState.Read(path, learner.Leaves, optimiser);

        void Require(bool holds, string found)
        {
            if (!holds)
            {
                throw new VitrineException($"{path}: is of {found}; name the same again to go on with it, or another folder.");
            }
        }
    }

    /// <summary>The source's folder with other weights: what was not trained is as it was.</summary>
    private static void WritePolicy(Learner learner, string folder)
    {
        AtomicFile.RequireFolder(folder);
        var (policy, source) = (learner.Policy, Path.GetFullPath(learner.Policy.Folder));
        HashSet<string> weights = [.. policy.WeightFiles.Select(Path.GetFullPath)];
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Where(f => !weights.Contains(Path.GetFullPath(f))))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(source, file));
            if (Path.GetFileName(file) != "README.md")
            {
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy, overwrite: true);
            }
        }

        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint.Open(source);
        SafetensorsFile.Save(
            Path.Combine(folder, "model.safetensors"),
            checkpoint.Names.ToDictionary(n => n, n => learner.OfPolicy.Contains(n) ? learner.Leaves[n].detach() : checkpoint.Read(n)),
            TrainingState.Metadata);
    }

    private static LearningCurve CurveOf(TrainingState state) => new()
    {
        Recipe = state.Recipe,
        From = state.From,
        FromFingerprint = state.FromFingerprint,
        FromScratch = state.FromScratch,
        Points = state.Points,
        ProcessorSeconds = state.ProcessorSeconds,
    };

    private static TabletopOptions TabletopWorldOf(string text)
        => WorldRegistry.OpenText(text)() is TabletopWorld world
            ? world.Options
            : throw new VitrineException($"training: the world '{text}' is not the tabletop, whose scripted expert gives the labels.");

    private static double ProcessorSeconds()
    {
        using var own = Process.GetCurrentProcess();
        return own.TotalProcessorTime.TotalSeconds;
    }

    private static FileStream Lock(string folder)
    {
        try
        {
            return new FileStream(
                Path.Combine(folder, "training.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{folder}: another process is training in this folder, or it cannot be written ({e.Message}).", e);
        }
    }
}
