using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Mechanisms.Heads;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine heads MODEL</c>: what heads look at, what they move, and which read what others wrote.</summary>
internal sealed class HeadsCommand
{
    private readonly Argument<string> name = ModelArgument.Speaking();
    private readonly PromptOptions prompts = new();
    private readonly StateOptions states = new(drawn: 24, hasShort: false);
    private readonly Option<int> length = new("--length")
    {
        Description = "Of a text model without a prompt: random tokens that are said twice.",
        DefaultValueFactory = _ => 25,
    };

    private readonly Option<int> shuffles = new("--shuffles") { Description = "Shuffled texts of the control.", DefaultValueFactory = _ => 8 };
    private readonly Option<bool> composition = new("--composition") { Description = "Which heads can read what earlier ones write, by their weights." };
    private readonly Option<string?> ov = new("--ov") { Description = "What a head moves: W_V W_O of LAYER.HEAD, and what it says of words." };
    private readonly Option<string?> qk = new("--qk") { Description = "What a head looks for: W_Q W_K^T of LAYER.HEAD, and from which word to which." };
    private readonly Option<string[]> words = new("--words")
    {
        Description = "With --ov and --qk: the words whose pairs are listed, with commas; the whole vocabulary by default.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> stack = new("--stack")
    {
        Description = "With --composition, --ov and --qk of a policy: whose heads; the stack that reads words by default.",
    };

    private readonly Option<int> count = new("--top", "-n") { Description = "Heads, or pairs, to print.", DefaultValueFactory = _ => 10 };
    private readonly Option<string?> units = UnitsOption.Create();
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var own = new HeadsCommand();
        var command = new Command("heads", "Find heads by what they look at, and read what their weights move and look for.") { own.name };
        own.prompts.AddTo(command);
        own.states.AddTo(command);

        foreach (var option in (Option[])[own.length, own.shuffles, own.composition, own.ov, own.qk, own.words, own.stack, own.count, own.units, own.device,
            own.allowed, own.json])
        {
            command.Add(option);
        }

        command.SetAction(own.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var top = parsed.GetValue(count);
        if (top < 1)
        {
            throw new VitrineException($"--top is {top}; expected at least 1.");
        }

        string?[] all =
        [
            parsed.GetValue(composition) ? "--composition" : null, parsed.GetValue(ov) is null ? null : "--ov", parsed.GetValue(qk) is null ? null : "--qk",
        ];
        string[] asked = [.. all.OfType<string>()];
        if (asked.Length > 1)
        {
            throw new VitrineException($"heads: {string.Join(" and ", asked)} are named; expected one of them.");
        }

        using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        if (asked is ["--composition"])
        {
            await ComposeAsync(parsed, Whose(parsed, model), top, cancellation).ConfigureAwait(false);
        }
        else if (asked is [var circuit])
        {
            await CircuitAsync(parsed, model, circuit == "--ov", top, cancellation).ConfigureAwait(false);
        }
        else if (model is TextModel text)
        {
            await DetectAsync(parsed, text, top, cancellation).ConfigureAwait(false);
        }
        else if (model is Policy policy)
        {
            await LookAsync(parsed, policy, top, cancellation).ConfigureAwait(false);
        }
        else
        {
            throw new VitrineException($"{model.Name}: is an image encoder; 'vitrine image' shows where its heads look.");
        }

        return 0;
    }

    private async Task DetectAsync(ParseResult parsed, TextModel model, int top, CancellationToken cancellation)
    {
        var seed = (int)parsed.GetValue(states.Seed);
        int[][] texts = HasPrompts(parsed)
            ? [.. prompts.Texts(parsed, model.Name).Select(t => model.Encode(t).Ids[0].ToArray())]
            : [[.. HeadDetector.RepeatedTokens(model.Language.Shape.Vocabulary, parsed.GetValue(length), seed, first: First(model))]];
        var kinds = Enum.GetValues<HeadKind>();
        var found = await Output.WithProgressAsync("reading patterns", p =>
        {
            var all = new Dictionary<HeadKind, IReadOnlyList<HeadScore>>();
            foreach (var (i, kind) in kinds.Index())
            {
                IReadOnlyList<HeadScore>[] each = [.. texts.Select(ids => HeadDetector.Of(
                    model, ids, kind, withoutFirst: true, shuffles: parsed.GetValue(shuffles), seed: seed, cancellation: cancellation))];
                all[kind] = [.. each[0].Select((s, h) => s with
                {
                    Score = each.Average(e => e[h].Score),
                    Uniform = each.Average(e => e[h].Uniform),
                    Shuffled = each.Average(e => e[h].Shuffled),
                })];
                p.Report((i + 1.0) / kinds.Length);
            }

            return Task.FromResult(all);
        }).ConfigureAwait(false);
        if (parsed.GetValue(json))
        {
            Output.Write(new { Texts = texts.Length, Kinds = found.Select(f => new { Kind = f.Key, Heads = f.Value }) });
            return;
        }

        foreach (var (kind, scores) in found)
        {
            var table = Output.Table(Name(kind), "share", "looks everywhere", "shuffled text");
            foreach (var score in scores.OrderByDescending(s => s.Score).Take(top))
            {
                table.Add($"{score.Layer}:{score.Head}", Output.Plain(score.Score), Output.Plain(score.Uniform), Plain(score.Shuffled));
            }

            AnsiConsole.Write(table);
        }

        Console.WriteLine("share of the attention that falls where the kind looks, the first token left out; "
            + (HasPrompts(parsed) ? $"mean over {texts.Length} texts" : $"{parsed.GetValue(length)} random tokens said twice (--seed {seed})"));
    }

    private async Task LookAsync(ParseResult parsed, Policy policy, int top, CancellationToken cancellation)
    {
        using var acting = policy.With(units: parsed.GetValue(units));
        var source = states.Source(parsed, policy);
        IReadOnlyList<LookScene> scenes = source.IsDrawn
            ? TabletopLooks.Draw(acting, parsed.GetValue(states.Seed), states.Count(parsed) ?? 24)
            : [.. source.ForTest(states.Count(parsed)).Select(seen => LookScene.Of(acting, seen))];
        var looks = await Output.WithProgressAsync("looking", p => Task.FromResult(HeadLooks.Of(acting, scenes, p, cancellation))).ConfigureAwait(false);
        if (parsed.GetValue(json))
        {
            Output.Write(new { Situations = scenes.Count, Looks = looks });
            return;
        }

        foreach (var thing in looks.GroupBy(l => l.At))
        {
            var table = Output.Table(thing.Key, "from", "share", "looks everywhere", "elsewhere");
            foreach (var look in thing.OrderByDescending(l => l.Above).Take(top))
            {
                table.Add($"{look.Stack} {look.Layer}:{look.Head}", look.From, Output.Plain(look.Share), Output.Plain(look.Uniform), Plain(look.Shuffled));
            }

            AnsiConsole.Write(table);
        }

        Console.WriteLine($"share of a head's attention, mean over {scenes.Count} situations");
        Console.WriteLine("elsewhere: the same patterns, where the thing stands in the other situations");
    }

    private async Task ComposeAsync(ParseResult parsed, Stack whose, int top, CancellationToken cancellation)
    {
        var kinds = Enum.GetValues<CompositionKind>();
        var found = await Stages.RunAsync(async stages =>
        {
            var all = new Dictionary<CompositionKind, IReadOnlyList<Composition>>();
            foreach (var kind in kinds)
            {
                all[kind] = await stages.StageAsync($"{kind} composition", 1, p => Task.FromResult(CompositionScores.Of(whose, kind, p, cancellation)))
                    .ConfigureAwait(false);
            }

            return all;
        }, all: kinds.Length).ConfigureAwait(false);
        var chance = CompositionScores.Chance(whose);
        if (parsed.GetValue(json))
        {
            Output.Write(new { Chance = chance, Kinds = found.Select(f => new { Kind = f.Key, Pairs = f.Value }) });
            return;
        }

        foreach (var (kind, pairs) in found)
        {
            var table = Output.Table($"{kind} composition: writes", "reads", "score");
            foreach (var pair in pairs.OrderByDescending(p => p.Score).Take(top))
            {
                table.Add($"{pair.FromLayer}:{pair.FromHead}", $"{pair.ToLayer}:{pair.ToHead}", Output.Plain(pair.Score));
            }

            AnsiConsole.Write(table);
        }

        Console.WriteLine($"||OV M|| / (||OV|| ||M||); random heads score about {Output.Plain(chance)}; what can be read by the weights, not what is");
    }

    private async Task CircuitAsync(ParseResult parsed, Model model, bool isOv, int top, CancellationToken cancellation)
    {
        var whose = Whose(parsed, model);
        var (layer, head) = Head((isOv ? parsed.GetValue(ov) : parsed.GetValue(qk))!, isOv ? "--ov" : "--qk");
        using var own = isOv ? HeadCircuits.Ov(whose, layer, head) : HeadCircuits.Qk(whose, layer, head);
        var decoder = whose is Decoder { Shape.Vocabulary: > 0 } speaking ? speaking : null;
        var tokenizer = model is TextModel text ? text.Tokenizer : ((Policy)model).Tokenizer;
        var ids = Ids(parsed, tokenizer);
        using var full = decoder is null ? null : isOv ? HeadCircuits.FullOv(decoder, layer, head) : HeadCircuits.FullQk(decoder, layer, head);
        var (_, singular, _) = own.Decomposed();
        double[] values = [.. singular.to(TorchSharp.torch.float64).cpu().data<double>().ToArray()];
        singular.Dispose();
        var pairs = full is null ? [] : await Output.WithProgressAsync("searching pairs", _ => Task.FromResult(full.Largest(top, ids, cancellation)))
            .ConfigureAwait(false);
        var said = new
        {
            Circuit = isOv ? "OV" : "QK",
            Layer = layer,
            Head = head,
            Norm = own.Norm(),
            Trace = own.Trace(),
            EigenvalueScore = own.EigenvalueScore(),
            CopyingScore = isOv ? full?.EigenvalueScore() : null,
            Eigenvalues = own.Eigenvalues().Select(e => new { Re = e.Real, Im = e.Imaginary }).ToArray(),
            SingularValues = values,
            Pairs = pairs.Select(p => new { From = tokenizer.Shown((int)p.Row), To = tokenizer.Shown((int)p.Column), p.Value }).ToArray(),
        };
        if (parsed.GetValue(json))
        {
            Output.Write(said);
            return;
        }

        var table = Output.Table($"{said.Circuit} of {layer}:{head}", "");
        table.Add("norm", Output.Plain(said.Norm));
        table.Add("trace", Output.Signed(said.Trace));
        table.Add("eigenvalues: sum / sum of sizes", Output.Signed(said.EigenvalueScore));
        if (said.CopyingScore is { } copies)
        {
            table.Add("copying score of W_E W_V W_O W_U", Output.Signed(copies));
        }

        table.Add("largest singular values", string.Join("  ", values.Take(5).Select(Output.Plain)));
        AnsiConsole.Write(table);
        if (said.Pairs.Length > 0)
        {
            var listed = isOv ? Output.Table("looks at", "says", "logit") : Output.Table("from", "looks at", "score, unscaled");
            foreach (var pair in said.Pairs)
            {
                listed.Add(pair.From, pair.To, Output.Signed(pair.Value));
            }

            AnsiConsole.Write(listed);
        }

        Console.WriteLine("weights alone, without norms, rotations and biases");
    }

    private Stack Whose(ParseResult parsed, Model model)
    {
        var asked = parsed.GetValue(stack);
        return model switch
        {
            TextModel text when asked is null || asked == text.Language.Shape.Name => text.Language,
            Policy policy => asked is null ? policy.Language : Mechanisms.Causes.DecidingStacks.DecoderOf(policy, asked),
            _ => throw new VitrineException($"heads: {model.Name} has no stack '{asked ?? "language"}' of tokens."),
        };
    }

    private List<long>? Ids(ParseResult parsed, Tokenizer tokenizer)
    {
        var listed = Output.List(parsed.GetValue(words));
        return listed.Length == 0 ? null
            : [.. listed.Select(w => tokenizer.Encode($" {w}", addSpecialTokens: false) is [var spaced] ? (long)spaced
                : tokenizer.Encode(w, addSpecialTokens: false) is [var bare] ? bare
                : throw new VitrineException($"--words: '{w}' is no single token of this vocabulary."))];
    }

    private bool HasPrompts(ParseResult parsed) => prompts.IsGiven(parsed);

    private static int? First(TextModel model)
    {
        try
        {
            var ids = model.Encode("a").Ids[0];
            return ids.Count > model.Tokenizer.Encode("a", addSpecialTokens: false).Length ? ids[0] : null;
        }
        catch (VitrineException)
        {
            return null;                                                                                   // a folder without a tokenizer still has ids
        }
    }

    private static (int Layer, int Head) Head(string text, string option)
        => text.Split('.', ':') is [var layer, var head] && int.TryParse(layer, NumberStyles.None, CultureInfo.InvariantCulture, out var l)
            && int.TryParse(head, NumberStyles.None, CultureInfo.InvariantCulture, out var h)
            ? (l, h)
            : throw new VitrineException($"{option} is '{text}'; expected LAYER.HEAD, e.g. 5.1.");

    private static string Plain(double? value) => value is { } number ? Output.Plain(number) : "-";

    private static string Name(HeadKind kind) => kind switch
    {
        HeadKind.PreviousToken => "previous token",
        HeadKind.DuplicateToken => "same token earlier",
        _ => "induction: behind it",
    };
}
