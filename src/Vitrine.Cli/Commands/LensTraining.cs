using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Lenses;
using Vitrine.Transformers;
using Subject = Vitrine.Mechanisms.Metrics.Subject;

namespace Vitrine.Cli.Commands;

/// <summary>Which lens is read through, and how one is trained or fitted first.</summary>
internal sealed class LensTraining
{
    private const int Together = 4;

    private readonly Option<string?> tuned = new("--tuned")
    {
        Description = "Read through a tuned lens: a folder of the tuned-lens library (config.json, params.pt).",
    };

    private readonly Option<string?> jacobian = new("--jacobian") { Description = "Read through a Jacobian lens that --fit-jacobian wrote." };
    private readonly Option<string?> train = new("--train-tuned")
    {
        Description = "Train a tuned lens on --texts and write it into this folder, in the library's layout.",
    };

    private readonly Option<string?> fit = new("--fit-jacobian") { Description = "Fit a Jacobian lens to --texts and write it to this file." };
    private readonly Option<JacobianTarget> target = new("--target")
    {
        Description = "With --fit-jacobian: residual (the last one) or logits (the normed one, whose image the logits are).",
        DefaultValueFactory = _ => JacobianTarget.Residual,
    };

    private readonly Option<string?> texts = new("--texts") { Description = "What a lens is trained on or fitted to: a file of texts, a line each." };
    private readonly Option<int> length = new("--length")
    {
        Description = "With --texts: tokens of each text that are read, at most.",
        DefaultValueFactory = _ => 64,
    };

    private readonly Option<int> steps = new("--steps")
    {
        Description = "With --train-tuned: training steps of four texts each.",
        DefaultValueFactory = _ => 100,
    };

    private readonly Option<LensOptimiser> optimiser = new("--optimiser")
    {
        Description = "With --train-tuned: sgd (Nesterov) or adam (AMSGrad).",
        DefaultValueFactory = _ => LensOptimiser.Adam,
    };

    private readonly Option<LensLoss> loss = new("--loss")
    {
        Description = "With --train-tuned: divergence (from the model's answer) or nexttoken (of the text).",
        DefaultValueFactory = _ => LensLoss.Divergence,
    };

    private readonly Option<double?> rate = new("--rate")
    {
        Description = "With --train-tuned: learning rate; the library's by default (0.1 of sgd, 0.001 of adam).",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[tuned, jacobian, train, fit, target, texts, length, steps, optimiser, loss, rate])
        {
            command.Add(option);
        }
    }

    /// <summary>Whether a lens is made.</summary>
    public bool IsAsked(ParseResult parsed) => parsed.GetValue(train) is not null || parsed.GetValue(fit) is not null;

    /// <summary>The lens that is read through, owned by the caller; the logit lens where none is named.</summary>
    /// <exception cref="VitrineException">Two are named, or a file is no lens of this model.</exception>
    public Lens Open(ParseResult parsed, Model model) => (parsed.GetValue(tuned), parsed.GetValue(jacobian)) switch
    {
        (null, null) => Lens.Logit,
        ({ } folder, null) => TunedLens.Open(folder),
        (null, { } file) => JacobianLens.Load(file, model),
        _ => throw new VitrineException("lens: --tuned and --jacobian are named; expected one lens."),
    };

    /// <summary>Trains or fits, writes, and tells how it went.</summary>
    public async Task MakeAsync(ParseResult parsed, Model model, bool json, CancellationToken cancellation)
    {
        if (model is not TextModel { Labels: null } text)
        {
            throw new VitrineException($"{model.Name}: a lens is trained on texts of a language model.");
        }

        if (parsed.GetValue(train) is not null && parsed.GetValue(fit) is not null)
        {
            throw new VitrineException("lens: --train-tuned and --fit-jacobian are named; expected one of them.");
        }

        var read = Read(parsed, text);
        if (parsed.GetValue(fit) is { } file)
        {
            AtomicFile.RequireWritable(file);
            using var lens = await Output.WithProgressAsync("fitting the Jacobian lens", p => Task.FromResult(JacobianLens.Fit(
                [.. read.Select(ids => Subject.Of(text, TokenBatch.Of(ids)))], parsed.GetValue(target), progress: p, cancellation: cancellation)))
                .ConfigureAwait(false);
            lens.Save(file);
            Tell(new { Lens = lens.Name, File = file, Texts = lens.Samples }, $"{lens.Name} of {lens.Samples} texts in {file}");
            return;
        }

        var folder = parsed.GetValue(train)!;
        AtomicFile.RequireFolder(folder);
        var (count, losses) = (parsed.GetValue(steps), new List<IReadOnlyList<double>>());
        if (count < 1)
        {
            throw new VitrineException($"--steps is {count}; expected at least 1.");
        }

        using var trained = await Output.WithProgressAsync("training the tuned lens", p => Task.FromResult(TunedLensTrainer.Train(
            text, [.. read.Chunk(Together).Select(rows => TokenBatch.Of(rows))], count,
            new TunedLensTraining { Loss = parsed.GetValue(loss), Optimiser = parsed.GetValue(optimiser), LearningRate = parsed.GetValue(rate) },
            new Direct<(int Step, IReadOnlyList<double> Losses)>(step =>
            {
                losses.Add(step.Losses);
                p.Report((step.Step + 1.0) / count);
            }), cancellation))).ConfigureAwait(false);
        trained.Save(folder);
        var (first, last) = (Mean(losses.Take(Math.Max(1, count / 10))), Mean(losses.TakeLast(Math.Max(1, count / 10))));
        if (json)
        {
            Output.Write(new { Lens = trained.Name, Folder = folder, Texts = read.Count, Steps = count, LossAtFirst = first, LossAtLast = last });
            return;
        }

        var table = Output.Table("in front of block", "loss of the first tenth, nats", "loss of the last tenth, nats");
        for (var depth = 0; depth < trained.Layers; depth++)
        {
            table.Add($"{depth}", Output.Plain(first[depth]), Output.Plain(last[depth]));
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"tuned lens, {count} steps over {read.Count} texts, in {folder}");

        void Tell(object told, string words)
        {
            if (json)
            {
                Output.Write(told);
            }
            else
            {
                Console.WriteLine(words);
            }
        }
    }

    private static double[] Mean(IEnumerable<IReadOnlyList<double>> losses)
    {
        var all = losses.ToArray();
        return [.. Enumerable.Range(0, all[0].Count).Select(depth => all.Average(l => l[depth]))];
    }

    private List<int[]> Read(ParseResult parsed, TextModel model)
    {
        var file = parsed.GetValue(texts) ?? throw new VitrineException("lens: a lens is trained on texts; name a file with --texts FILE, a text a line.");
        var most = parsed.GetValue(length);
        if (most < 2)
        {
            throw new VitrineException(string.Create(CultureInfo.InvariantCulture, $"--length is {most}; expected at least 2 tokens."));
        }

        try
        {
            int[][] read =
            [
                .. File.ReadAllLines(file).Where(l => !string.IsNullOrWhiteSpace(l)).Select(l => model.Encode(l).Ids[0].Take(most).ToArray())
                    .Where(r => r.Length > 1),
            ];
            return read.Length > 0 ? [.. read] : throw new VitrineException($"{file}: has no text of two tokens.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }
}
