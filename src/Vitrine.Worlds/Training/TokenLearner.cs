using Vitrine.Policies.Actions;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>Teaches a policy that says its actions in tokens.</summary>
/// <remarks>
/// The next token is learnt by cross-entropy: motions towards a Gaussian over bins two bins wide, the gripper and the void rotations towards their bin. Each
/// row of the batch is what a row of the reference's shared prefix is under its mask: the beginning, the picture, the prompt, the action.
/// </remarks>
internal sealed class TokenLearner : Learner
{
    private const int Motions = 3, AttentionLayer = 2, WayLayer = 4;
    private const double BinWidth = 2, RotationWeight = .2, TextWeight = .5, ImageTextRate = .25;

    private readonly OpenVlaPolicy policy;
    private readonly BoundPlan plan, wordsAlone;
    private readonly string queries, keys, way;
    private readonly ActionTokens actions;
    private readonly (int[] Ids, string[] Concepts) named;
    private readonly string embedding;

    public TokenLearner(OpenVlaPolicy policy, TrainingRecipe recipe, Dictionary<string, Tensor> leaves)
        : base(policy, recipe, leaves)
    {
        this.policy = policy;
        var language = policy.Language.Shape;
        var (at, behind) = (Math.Min(AttentionLayer, language.Layers - 1), Math.Min(WayLayer, language.Layers - 1));
        (queries, keys, way) = ($"{language.Name}.{at}.attn.q_rot", $"{language.Name}.{at}.attn.k_rot", $"{language.Name}.{behind}.resid_pre");
        actions = policy.Actions;
        plan = policy.Bind(new RunPlan { Gradients = [.. policy.Towers.Select(Features), "projector.out", queries, keys, way] });
        wordsAlone = policy.Bind(new RunPlan { Gradients = [$"{language.Name}.0.resid_pre"] });
        foreach (var tower in policy.Towers)
        {
            AddPatchHead(tower.Shape.Name, tower.Shape.Width);
        }

        AddHead("way", 3, language.Width);
        Heads.Add("align.scale", 1.0);
        Heads.Add("align.shift", -2.0);
        var words = TabletopVocabulary.Concepts.Where(c => Is<ObjectColour>(c.Name) || Is<ObjectShape>(c.Name))
            .SelectMany(c => c.Words, (c, word) => (Word: word, Concept: c.Name)).ToArray();
        named = ([.. words.Select(w => Id(w.Word))], [.. words.Select(w => w.Concept)]);
        embedding = leaves.Keys.Single(n => n.EndsWith("embed_tokens.weight", StringComparison.Ordinal));
    }

    public override int Horizon => 1;

    public override (Tensor Loss, IReadOnlyDictionary<string, double> Measures) Loss(IReadOnlyList<TrainingFrame> frames, int step)
    {
        var rows = frames.SelectMany((frame, f) => frame.Asked.Select(asked => new Row(f, asked, policy.PromptIds(asked.Words), Encoded(asked.Chunk[0]))))
            .ToArray();
        var spoken = frames.Index().Select(f => (Frame: f.Index, Random: Recipe.Random("image-text", step, f.Index))).Where(f => f.Random.Chance(ImageTextRate))
            .Select(f => (f.Frame, Said: TrainingSentences.OfFrame(frames[f.Frame], f.Random), Words: TrainingSentences.OfWords(f.Random))).ToArray();
        var sentences = spoken.Select(s => (s.Frame, Ids: Ids(s.Said.Text), s.Said.Given)).ToArray();
        var image = policy.ImageTokens;
        (int Row, int Column)[] wanted =
        [
            .. rows.SelectMany((row, r) => Enumerable.Range(0, row.Action.Length).Select(d => (r, image + row.Prompt.Length - 1 + d))),
            .. sentences.SelectMany((s, i) => Enumerable.Range(s.Given, s.Ids.Length - 1 - s.Given).Select(t => (rows.Length + i, image + t))),
        ];
        using var run = policy.Taught(
            plan, [.. frames.Select(f => f.Seen)], [.. rows.Select(r => r.Frame), .. sentences.Select(s => s.Frame)],
            [.. rows.Select(r => (int[])[.. r.Prompt, .. r.Action.SkipLast(1)]), .. sentences.Select(s => s.Ids[..^1])], wanted);
        var ofActions = rows.Length * rows[0].Action.Length;
        var logits = run.Logits;                                                                           // (N, V)
        var measures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        var loss = Noted(measures, "action", ActionLoss(logits.narrow(0, 0, ofActions), rows, measures), 1);
        if (sentences.Length > 0 && Recipe.Language > 0)
        {
            var spelled = logits.narrow(0, ofActions, logits.shape[0] - ofActions);
            loss = loss.Plus(Noted(measures, "language", LanguageLoss(spelled, sentences, [.. spoken.Select(s => s.Words)]), Recipe.Language));
        }

        var alone = step < Recipe.AloneUntil;
        var labels = new PatchLabels(frames, policy.Towers[0].Grid);
        if (Recipe.Patches > 0)
        {
            var patches = policy.Towers.Select(t => Heads.PatchLoss(t.Shape.Name, Read(Features(t)), labels)).Aggregate((a, b) => a.Plus(b));
            loss = loss.Plus(Noted(measures, "patches", patches, Recipe.Patches));
        }

        if (Recipe.Alignment > 0)
        {
            loss = loss.Plus(Noted(measures, "alignment", AlignmentLoss(Read("projector.out"), labels, alone), Recipe.Alignment));
        }

        (int Row, Row Of)[] aimed = [.. rows.Index().Where(r => r.Item.Asked.Spec.Target >= 0)];
        if (aimed.Length > 0 && Recipe.Way > 0)
        {
            var deciding = Read(way).At(aimed.Select(a => a.Row), aimed.Select(a => image + a.Of.Prompt.Length - 1));
            var said = Heads.Of("way", policy.Language.LastNorm!.Apply(deciding));
            var expected = TrainingMath.Numbers(aimed.SelectMany(a => WayOf(frames[a.Of.Frame], a.Of.Asked)), aimed.Length, 3);
            loss = loss.Plus(Noted(measures, "way", TrainingMath.SquaredError(said, expected).mean().Times(10), Recipe.Way));
        }

        var looks = aimed.Select(a => (a.Row, Column: ShapeWord(a.Of.Prompt), Patch: labels.Middle(a.Of.Frame, a.Of.Asked.Spec.Target)))
            .Where(l => l.Column >= 0).Select(l => (l.Row, image + l.Column, l.Patch)).ToArray();
        if (looks.Length > 0 && Recipe.Attention > 0)
        {
            loss = loss.Plus(Noted(measures, "attention", AttentionLoss(run[queries], run[keys], looks, 1, image), Recipe.Attention));
        }

        return (loss, measures);

        Tensor Read(string address) => alone ? run[address].detach() : run[address];
    }

    public override IReadOnlyList<IReadOnlyList<double[]>> Act(IReadOnlyList<TrainingFrame> frames, int step)
    {
        using var run = policy.Act([.. frames.Select(f => f.Seen)]);
        return [.. run.Actions.Select(a => (IReadOnlyList<double[]>)[.. a.Chunk.Select(row => row.ToArray())])];
    }

    /// <summary>Mean over tokens, void rotations weighted less.</summary>
    private Tensor ActionLoss(Tensor logits, Row[] rows, SortedDictionary<string, double> measures)
    {
        var (dimensions, vocabulary) = (rows[0].Action.Length, (int)logits.shape[1]);
        var targets = new float[rows.Length * dimensions * vocabulary];
        foreach (var (r, row) in rows.Index())
        {
            for (var d = 0; d < dimensions; d++)
            {
                Towards(targets.AsSpan(((r * dimensions) + d) * vocabulary, vocabulary), row.Action[d], isSoft: d < Motions);
            }
        }

        var weights = TrainingMath.Numbers(rows.SelectMany(_ => Enumerable.Range(0, dimensions).Select(WeightOf)), rows.Length * dimensions);
        var each = (tensor(targets, [rows.Length * dimensions, vocabulary]) * nn.functional.log_softmax(logits, -1)).sum(-1).neg();
        Measure(logits, rows, measures);
        return TrainingMath.WeightedMean(each, weights);

        double WeightOf(int d) => d < Motions || d == dimensions - 1 ? 1 : RotationWeight;
    }

    private void Towards(Span<float> row, int id, bool isSoft)
    {
        if (!isSoft)
        {
            row[id] = 1;
            return;
        }

        var (bin, sum) = (actions.Bin(id), 0.0);
        for (var other = actions.FirstId + 1; other < actions.Vocabulary; other++)                         // the first id shares a bin with the second
        {
            var away = (actions.Bin(other) - bin) / BinWidth;
            row[other] = (float)Math.Exp(-.5 * away * away);
            sum += row[other];
        }

        for (var other = actions.FirstId + 1; other < actions.Vocabulary; other++)
        {
            row[other] /= (float)sum;
        }
    }

    /// <summary>Error of the motions in box lengths and share of grips that are right, of the likeliest tokens.</summary>
    private void Measure(Tensor logits, Row[] rows, SortedDictionary<string, double> measures)
    {
        var said = logits.detach().argmax(-1).data<long>().ToArray();
        var dimensions = rows[0].Action.Length;
        var (error, right) = (0.0, 0.0);
        foreach (var (r, row) in rows.Index())
        {
            int[] ids = [.. Enumerable.Range(0, dimensions).Select(d => (int)said[(r * dimensions) + d])];
            var (action, meant) = (ActionCodec.Tabletop.Decode(ids), row.Asked.Chunk[0]);
            error += Enumerable.Range(0, Motions).Average(d => Math.Abs(action[d] - meant[d]));
            right += (action[^1] >= .5) == (meant[^1] >= .5) ? 1 : 0;
        }

        (measures["xyz"], measures["gripper"]) = (error / rows.Length, right / rows.Length);
    }

    private Tensor LanguageLoss(Tensor logits, (int Frame, int[] Ids, int Given)[] sentences, string[] words)
    {
        var ofFrames = TrainingMath.CrossEntropy(logits, tensor([.. sentences.SelectMany(s => s.Ids.Skip(s.Given + 1)).Select(id => (long)id)])).mean();
        var alone = words.Select(Ids).ToArray();
        using var run = policy.Taught(
            wordsAlone, null, [], [.. alone.Select(ids => ids[..^1])],
            [.. alone.SelectMany((ids, i) => Enumerable.Range(0, ids.Length - 1).Select(t => (i, t)))]);
        var ofWords = TrainingMath.CrossEntropy(run.Logits, tensor([.. alone.SelectMany(ids => ids.Skip(1)).Select(id => (long)id)])).mean();
        return ofFrames.Plus(ofWords.Times(TextWeight));
    }

    /// <summary>Does a patch's token look like the words that name what shows there?</summary>
    private Tensor AlignmentLoss(Tensor tokens, PatchLabels labels, bool alone)
    {
        var table = alone ? Leaves[embedding].detach() : Leaves[embedding];
        var words = TrainingMath.RootMeanSquareNormed(table.index_select(0, tensor([.. named.Ids.Select(id => (long)id)])));                  // (W, d)
        var match = TrainingMath.RootMeanSquareNormed(tokens).matmul(words.t()).Times(1 / Math.Sqrt(tokens.shape[2]));                        // (B, P, W)
        var said = (match * Heads["align.scale"].exp()).Plus(Heads["align.shift"]);
        var each = nn.functional.binary_cross_entropy_with_logits(said, labels.Words(named.Concepts), reduction: nn.Reduction.None);
        var isObject = labels.IsObject;
        var weights = ones_like(isObject).Plus(isObject.Times(7)).unsqueeze(-1);
        return (each * weights).mean([0, 1]).sum().Times(8.0 / named.Ids.Length);
    }

    private static string Features(Tower tower) => $"{tower.Shape.Name}.features";

    private static int[] Encoded(double[] action) => ActionCodec.Tabletop.Encode(action);

    private static bool Is<T>(string name) where T : struct, Enum => Enum.TryParse<T>(name, ignoreCase: true, out _);

    private int Id(string word)
        => policy.Tokenizer.Id(word) ?? throw new VitrineException($"{policy.Name}: its tokenizer has no word '{word}', which training on the tabletop needs.");

    private int[] Ids(string text) => [policy.PromptIds("reach")[0], .. text.Split(' ').Select(Id)];

    private sealed record Row(int Frame, AskedFrame Asked, int[] Prompt, int[] Action);
}
