using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Causes;

/// <summary>What one arm did to what a text model expects next, prompt by prompt; callers put intervals around the means.</summary>
/// <param name="Arm">Name of the arm.</param>
/// <param name="LogProbability">Change of ln of the probability that the next token is one of the words, in nats.</param>
/// <param name="Divergence">KL divergence of the edited from the unedited distribution of the next token, in nats.</param>
/// <param name="Changed">Share of prompts whose likeliest next token differs.</param>
/// <param name="Generated">What is generated from the first prompt, greedily; null where nothing was asked for.</param>
public sealed record TextArmEffect(
    string Arm, IReadOnlyList<double> LogProbability, IReadOnlyList<double> Divergence, double Changed, IReadOnlyList<int>? Generated)
{
    /// <summary>Edits of the arm that touched nothing.</summary>
    public IReadOnlyList<UntouchedEdit> Untouched { get; init; } = [];
}

/// <summary>A text model with chosen neurons clamped, or added to, at every token, beside zero dose and matched-random neurons.</summary>
/// <param name="Neurons">Of the stack that reads the text.</param>
/// <param name="Dose">How strongly.</param>
/// <param name="Words">Ids of the tokens whose probability is measured.</param>
/// <param name="Adds">Whether the dose is added to what the neurons say by themselves, instead of clamping them to it.</param>
public sealed record TextSteering(NeuronSet Neurons, Dose Dose, IReadOnlyList<int> Words, bool Adds = false)
{
    /// <summary>Neurons that no random set may hold beside the chosen ones.</summary>
    public IReadOnlySet<Neuron> Excluded { get; init; } = new HashSet<Neuron>();

    /// <summary>Matched-random sets.</summary>
    public int Draws { get; init; } = 8;

    /// <summary>Of the draws.</summary>
    public int Seed { get; init; }

    /// <summary>Tokens to generate from the first prompt under each arm; 0 for none.</summary>
    public int Tokens { get; init; }

    /// <summary>Compares all arms with the unedited model: the dose, zero dose, each matched-random set.</summary>
    /// <param name="model">Who reads.</param>
    /// <param name="prompts">At least one.</param>
    /// <param name="calibration">Natural activity of the neurons.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>ln of the words' probability unedited (nats, mean over the prompts), what is generated unedited, and what each arm changes.</returns>
    /// <exception cref="VitrineException">The neurons are another stack's, the calibration another model's, or there is no prompt.</exception>
    public (double Baseline, IReadOnlyList<int>? Generated, IReadOnlyList<TextArmEffect> Arms) Measure(
        TextModel model, IReadOnlyList<string> prompts, Calibration calibration, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(calibration);
        var stack = model.Language;
        if (prompts.Count == 0 || Words.Count == 0 || Neurons.Stack != stack.Shape.Name)
        {
            throw new VitrineException(
                $"steering: {prompts.Count} prompts, {Words.Count} words to measure and neurons of '{Neurons.Stack}'; expected at least one prompt and word, "
                + $"and neurons of '{stack.Shape.Name}'.");
        }

        calibration.RequireOf(model, stack.Shape);
        using var scope = NewDisposeScope();
        TokenBatch[] batches = [.. prompts.Select(p => model.Encode(p))];
        var controls = Controls.For(stack, Neurons, Dose, calibration, Excluded, Draws, Seed);
        var arms = SteeringArms.Of(stack, Neurons, Dose, Adds, calibration, controls, new HashSet<Neuron>());
        var ids = tensor(Words.Select(w => (long)w).ToArray());
        var (plain, spoken, _) = Read(RunPlan.Empty);
        var effects = new List<TextArmEffect>();
        foreach (var (name, plan) in arms)
        {
            var (found, said, untouched) = Read(plan);
            effects.Add(new TextArmEffect(
                name,
                [.. found.Zip(plain, (f, p) => OfWords(f) - OfWords(p))],
                [.. found.Zip(plain, (f, p) => (f.exp() * (f - p)).sum().item<double>())],
                found.Zip(plain, (f, p) => f.argmax().item<long>() != p.argmax().item<long>() ? 1.0 : 0).Average(),
                said)
            {
                Untouched = untouched,
            });
            progress?.Report((double)effects.Count / arms.Count);
        }

        return (plain.Average(OfWords), spoken, effects);

        double OfWords(Tensor logs) => logs.index_select(0, ids).logsumexp(0).item<double>();

        // Log probabilities of the next token, (V) float64 a prompt.
        (Tensor[] Logs, IReadOnlyList<int>? Said, IReadOnlyList<UntouchedEdit> Untouched) Read(RunPlan plan)
        {
            using var bound = model.Bind(plan);
            var logs = new Tensor[batches.Length];
            var untouched = new List<UntouchedEdit>();
            for (var i = 0; i < batches.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var run = model.Run(batches[i], bound);
                logs[i] = run.Logits[0, -1].cpu().to(float64).log_softmax(0);
                untouched.AddRange(run.UntouchedEdits);
            }

            using var generation = Tokens > 0 ? model.Generate(batches[0], Tokens, plan, cancellation) : null;
            return (logs, generation?.Ids[0], untouched);
        }
    }
}
