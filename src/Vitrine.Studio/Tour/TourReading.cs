using Vitrine.Mechanisms.Heads;
using Vitrine.Mechanisms.Lenses;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Studio.Scenes;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using Vitrine.Views;
using static TorchSharp.torch;

namespace Vitrine.Studio.Tour;

/// <summary>A token near another one.</summary>
/// <param name="Text">As people read it.</param>
/// <param name="Cosine">Of the angle between their embeddings.</param>
internal sealed record NearToken(string Text, double Cosine);

/// <summary>What enters the first block for one token.</summary>
/// <param name="Values">(d).</param>
/// <param name="Norm">Its length.</param>
/// <param name="Near">Words whose rows point the same way, itself first; none where the token is no word.</param>
internal sealed record EmbeddingReading(IReadOnlyList<float> Values, double Norm, IReadOnlyList<NearToken> Near);

/// <summary>One neuron on one input.</summary>
/// <param name="Activations">[token]; none where the model was not run.</param>
/// <param name="Words">Both ends of its value vector; null where the stack speaks no language.</param>
/// <param name="KeyWords">Words whose embeddings match its key best; none where the stack reads no words.</param>
/// <param name="KeyNorm">Length of its key.</param>
/// <param name="ValueNorm">Length of its value vector.</param>
/// <param name="Along">What it writes into each number of an action, of an expert; none of other stacks.</param>
internal sealed record NeuronView(
    IReadOnlyList<float> Activations, NeuronWords? Words, IReadOnlyList<TokenLogit> KeyWords, double KeyNorm, double ValueNorm,
    IReadOnlyList<(string Name, double Value)> Along);

/// <summary>A neuron of a layer on one token.</summary>
/// <param name="Index">Of the layer.</param>
/// <param name="Activation">On the token.</param>
/// <param name="Written">Length of what it adds: |activation| times that of its value vector.</param>
/// <param name="Words">The first words that it writes; empty where there are none.</param>
internal sealed record ActiveNeuron(int Index, double Activation, double Written, string Words);

/// <summary>All neurons of a layer on one token.</summary>
/// <param name="Activations">[neuron].</param>
/// <param name="Largest">Those that write most.</param>
/// <param name="Half">How many of the largest hold half of all that is written, by length.</param>
internal sealed record LayerActivity(IReadOnlyList<float> Activations, IReadOnlyList<ActiveNeuron> Largest, int Half);

/// <summary>The attention of one head.</summary>
/// <param name="Queries">Who looks.</param>
/// <param name="Keys">At whom.</param>
/// <param name="Weights">[query][key]; each row adds up to 1.</param>
internal sealed record AttentionRows(IReadOnlyList<string> Queries, IReadOnlyList<string> Keys, IReadOnlyList<IReadOnlyList<float>> Weights);

/// <summary>A word and what a head makes of it.</summary>
/// <param name="From">Looked at, or looking.</param>
/// <param name="To">Said, or looked for.</param>
/// <param name="Value">A logit, or a score without its scale.</param>
internal sealed record WordPair(string From, string To, double Value);

/// <summary>A head as a subspace.</summary>
/// <param name="Width">Its own directions.</param>
/// <param name="OvNorm">Size of what it writes.</param>
/// <param name="Copies">Share of positive eigenvalues minus negative ones: 1 for a head that says what it looks at; null where it speaks no language.</param>
/// <param name="Writes">What it says about the words of the input.</param>
/// <param name="Looks">What it looks for from the words of the input.</param>
/// <param name="Singular">The largest singular values of OV.</param>
internal sealed record HeadSubspace(
    int Width, double OvNorm, double? Copies, IReadOnlyList<WordPair> Writes, IReadOnlyList<WordPair> Looks, IReadOnlyList<double> Singular);

/// <summary>The residual stream of one token.</summary>
/// <param name="Stream">Its length in front of the first block and behind each.</param>
/// <param name="Attention">Length of what each block's attention adds.</param>
/// <param name="FeedForward">Length of what each block's feed-forward adds.</param>
internal sealed record StreamReading(IReadOnlyList<double> Stream, IReadOnlyList<double> Attention, IReadOnlyList<double> FeedForward);

/// <summary>A patch on its way.</summary>
/// <param name="Norms">Of its token in front of the first block and behind each.</param>
/// <param name="Looked">[layer]: the largest share that a head gives it where the answer is read.</param>
internal sealed record PatchWay(IReadOnlyList<double> Norms, IReadOnlyList<double> Looked);

/// <summary>Computes what the pages of the tour show; every number is one of the library's.</summary>
internal static class TourReading
{
    /// <summary>Vocabularies times width up to which words are held against each other on a page.</summary>
    private const long Comparable = 64_000_000;

    /// <summary>What enters the first block for one token.</summary>
    public static EmbeddingReading Embedding(Scene scene, int token)
    {
        var place = $"{scene.Stack.Shape.Name}.{Point.Embed.Name}";
        using var run = scene.Run(RunPlan.Capturing(place));
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var values = Floats(run.Run[place][0, token]);
        return new EmbeddingReading(values, Length(values), scene.Tokens[token].Id is { } id ? Near(scene, id) : []);
    }

    /// <summary>One neuron, on the scene where the model is run.</summary>
    public static NeuronView Neuron(Scene scene, int layer, int neuron, int step = 0, bool runs = true)
    {
        using var run = runs ? scene.Run(RunPlan.Capturing(scene.At(layer, $"mlp.neurons@{step}"))) : null;
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var activations = run is null ? [] : Floats(run.Run[Stepped(scene.At(layer, "mlp.neurons"), step)][0].select(1, neuron));
        var key = scene.Stack.NeuronKeys(layer, [neuron])[0].to(float32);
        var isGated = scene.Stack.BehindNeurons == "gate";
        var value = (isGated ? scene.Stack.RawValueVectors(layer, [neuron]) : scene.Stack.ValueVectors(layer, [neuron]))[0].to(float32);
        return new NeuronView(activations, WordsOf(scene, layer, [neuron])?[0], KeyWords(scene, key), Number(key.norm()), Number(value.norm()),
            scene.Model is FlowPolicy flow && scene.Stack.Shape.Name == flow.Expert.Shape.Name && !isGated ? Along(flow, layer, neuron) : []);
    }

    /// <summary>All neurons of a layer on one token.</summary>
    public static LayerActivity Layer(Scene scene, int layer, int token, int count = 12)
    {
        using var run = scene.Run(RunPlan.Capturing(scene.At(layer, "mlp.neurons")));
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var activations = Floats(run.Run[scene.At(layer, "mlp.neurons")][0, token]);
        var norms = NormsOf(scene.Stack, layer);
        var written = activations.Select((a, i) => (Index: i, Written: Math.Abs((double)a) * norms[i]))
            .OrderByDescending(n => n.Written).ThenBy(n => n.Index).ToArray();
        var half = written.Sum(n => n.Written) / 2;
        var (many, sum) = (0, 0.0);
        while (many < written.Length && sum < half)
        {
            sum += written[many++].Written;
        }

        var largest = written.Take(count).ToArray();
        var words = WordsOf(scene, layer, [.. largest.Select(n => n.Index)]);
        return new LayerActivity(activations,
            [.. largest.Select((n, i) => new ActiveNeuron(n.Index, activations[n.Index], n.Written, FirstWords(i)))], many);

        string FirstWords(int place) => words is null ? "" : string.Join(' ', words[place].Top.Take(5).Select(t => t.Token));
    }

    /// <summary>The attention of one head.</summary>
    public static AttentionRows Attention(Scene scene, int layer, int head, int step = 0)
    {
        using var run = scene.Run(RunPlan.Capturing(scene.At(layer, $"attn.pattern@{step}")));
        using var scope = NewDisposeScope();
        using var pattern = run.Run[Stepped(scene.At(layer, "attn.pattern"), step)][0, head].to(float32).cpu().contiguous();        // (Tq, Tk)
        var (queries, keys) = ((int)pattern.shape[0], (int)pattern.shape[1]);
        var all = pattern.data<float>().ToArray();
        return new AttentionRows(
            Names(scene.Tokens, queries), KeyNames(scene, keys),
            [.. Enumerable.Range(0, queries).Select(q => (IReadOnlyList<float>)all[(q * keys)..((q + 1) * keys)])]);
    }

    /// <summary>A head as a subspace.</summary>
    public static HeadSubspace Head(Scene scene, int layer, int head, int count = 10)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var own = HeadCircuits.Ov(scene.Stack, layer, head);
        var (_, values, _) = own.Decomposed();
        var singular = Floats(values).Take(8).Select(v => (double)v).ToArray();
        var ids = scene.Tokens.Select(t => t.Id).OfType<int>().Select(i => (long)i).Distinct().ToArray();
        if (scene.Stack is not Decoder decoder || decoder.Shape.Vocabulary == 0 || ids.Length == 0 || TooLarge(scene))
        {
            return new HeadSubspace(scene.Stack.Shape.HeadWidth, own.Norm(), null, [], [], singular);
        }

        using var says = HeadCircuits.FullOv(decoder, layer, head);
        using var looks = HeadCircuits.FullQk(decoder, layer, head);
        return new HeadSubspace(
            scene.Stack.Shape.HeadWidth, own.Norm(), says.EigenvalueScore(), Pairs(says), Pairs(looks), singular);

        IReadOnlyList<WordPair> Pairs(FactoredMatrix matrix) => [.. matrix.Largest(count, ids)
            .Select(p => new WordPair(Print(scene, (int)p.Row), Print(scene, (int)p.Column), p.Value))];
    }

    /// <summary>The residual stream of one token.</summary>
    public static StreamReading Stream(Scene scene, int token)
    {
        var shape = scene.Stack.Shape;
        var (attention, forward) = (Added(shape, Point.AttnOutPost, Point.AttnOut), Added(shape, Point.MlpOutPost, Point.MlpOut));
        using var run = scene.Run(RunPlan.Capturing(
            $"{shape.Name}.0.{Point.ResidPre}", $"{shape.Name}.*.{Point.ResidPost}", $"{shape.Name}.*.{attention}", $"{shape.Name}.*.{forward}"));
        using var scope = NewDisposeScope();
        return new StreamReading(
            [LengthAt($"{shape.Name}.0.{Point.ResidPre}"), .. Layers($"{Point.ResidPost}")], [.. Layers($"{attention}")], [.. Layers($"{forward}")]);

        IEnumerable<double> Layers(string point) => [.. Enumerable.Range(0, shape.Layers).Select(l => LengthAt(scene.At(l, point)))];

        double LengthAt(string place) => Number(run.Run[place][0, token].to(float32).norm());
    }

    /// <summary>What the model would say if it stopped, at the last places; or why there is no lens.</summary>
    public static (View? Lens, string? Failure) Lens(Scene scene)
    {
        try
        {
            var lens = LensReader.Read(scene.Subject(), options: new LensOptions { Count = 5 });
            return (new LensTable(lens, [.. lens.Places.Where(p => p.Row == 0).TakeLast(12)]), null);
        }
        catch (VitrineException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>The first answers: next tokens, classes; none where the model gives numbers.</summary>
    public static IReadOnlyList<ClassScore> Answers(Scene scene, int count = 10)
    {
        switch (scene.Model)
        {
            case TextModel { Labels: { } labels } text:
                using (var classified = text.Classify(text.Encode(scene.Said)))
                {
                    return Of(classified.Run.Logits[0], labels.Scores, id => labels.Names[id]);
                }

            case TextModel { Language.Shape.Vocabulary: > 0 } text:
                using (var run = scene.Run(RunPlan.Empty))
                {
                    return Of(run.Run.Logits[0, scene.Deciding], ClassScores.OneOfMany, text.Tokenizer.Shown);
                }

            case VisionModel { Labels: { } labels } vision:
                using (var classified = vision.Classify(scene.Pixels!))
                {
                    return Of(classified.Run.Logits[0], labels.Scores, id => labels.Names[id]);
                }

            default:
                return [];
        }

        IReadOnlyList<ClassScore> Of(Tensor logits, ClassScores scores, Func<int, string> name)
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            return [.. Answer.Of(logits, scores, count).Select(a => new ClassScore(a.Id, name(a.Id), a.Logit, a.Probability))];
        }
    }

    /// <summary>A patch on its way through the stack that is looked into.</summary>
    public static PatchWay Patch(Scene scene, int patch)
    {
        var (first, rows, columns) = scene.Patches ?? throw new VitrineException($"stack '{scene.Stack.Shape.Name}' reads no patches.");
        var (shape, token) = (scene.Stack.Shape, first + Math.Clamp(patch, 0, (rows * columns) - 1));
        using var run = scene.Run(RunPlan.Capturing(
            $"{shape.Name}.0.{Point.ResidPre}", $"{shape.Name}.*.{Point.ResidPost}", $"{shape.Name}.*.{Point.AttnPattern}"));
        using var scope = NewDisposeScope();
        double Norm(string place) => Number(run.Run[place][0, token].to(float32).norm());
        return new PatchWay(
            [Norm($"{shape.Name}.0.{Point.ResidPre}"), .. Enumerable.Range(0, shape.Layers).Select(l => Norm(scene.At(l, $"{Point.ResidPost}")))],
            [.. Enumerable.Range(0, shape.Layers).Select(l =>
                Number(run.Run[scene.At(l, $"{Point.AttnPattern}")][0].select(1, scene.Deciding).select(1, token).to(float32).max()))]);
    }

    /// <summary>The words that neurons write; null where the stack speaks no language.</summary>
    public static IReadOnlyList<NeuronWords>? WordsOf(Scene scene, int layer, IReadOnlyList<int> neurons)
        => scene.Stack.Shape.Vocabulary == 0 || scene.Stack is not Decoder || scene.Model is VisionModel || !Speaks(scene)
            ? null : WordsOf(scene.Open, layer, neurons);

    /// <summary>The words that neurons of the stack that speaks write.</summary>
    public static IReadOnlyList<NeuronWords> WordsOf(Models.OpenModel open, int layer, IReadOnlyList<int> neurons)
    {
        using var source = new StackValueVectors(open.Model, open.Tokens.Language.Shape.Name);
        return open.Vocabulary.ReadNeurons(source, open.Tokens, layer, neurons);
    }

    /// <summary>Lengths of the value vectors of a layer, [neuron]; of the columns as they are where a gate of the pass makes them anew.</summary>
    internal static float[] NormsOf(Stack stack, int layer)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return Floats((stack.BehindNeurons == "gate" ? stack.RawValueVectors(layer) : stack.ValueVectors(layer)).to(float32).norm(1));
    }

    internal static float[] Floats(Tensor tensor) => tensor.detach().to(float32).cpu().contiguous().data<float>().ToArray();

    private static double Number(Tensor one) => Floats(one)[0];

    private static bool Speaks(Scene scene) => scene.Open.Model switch
    {
        Policy policy => policy.Language.Shape.Name == scene.Stack.Shape.Name,
        TextModel text => text.Language.Shape.Name == scene.Stack.Shape.Name,
        _ => false,
    };

    private static bool TooLarge(Scene scene) => (long)scene.Stack.Shape.Vocabulary * scene.Stack.Shape.Width > Comparable;

    private static string Print(Scene scene, int id) => scene.Open.Tokens.Print(id);

    private static string Stepped(string place, int step) => step == 0 ? place : $"{place}@{step}";

    private static double Length(float[] values) => Math.Sqrt(values.Sum(v => (double)v * v));

    private static Point Added(StackShape shape, Point behind, Point plain) => shape.Points.Contains(behind) ? behind : plain;

    private static IReadOnlyList<string> Names(IReadOnlyList<SceneToken> tokens, int count)
        => [.. Enumerable.Range(0, count).Select(i => i < tokens.Count ? tokens[i].Text : $"{i}")];

    /// <remarks>An expert's keys are those of the prefix, then its own.</remarks>
    private static IReadOnlyList<string> KeyNames(Scene scene, int keys)
    {
        if (keys == scene.Tokens.Count || scene.Model is not Policy policy || scene.Seen is null)
        {
            return Names(scene.Tokens, keys);
        }

        var read = Scene.Read(policy, policy.Layout([scene.Seen]).Rows[0]);
        string[] both = [.. read.Select(t => t.Text), .. scene.Tokens.Select(t => t.Text)];
        return keys == both.Length ? both : keys == read.Length ? [.. both.Take(keys)] : [.. Enumerable.Range(0, keys).Select(i => $"{i}")];
    }

    private static IReadOnlyList<NearToken> Near(Scene scene, int id) =>
    [
        .. Matching(scene, 8, (decoder, all) =>
        {
            var own = decoder.Embed([[id]])[0, 0].to(float32);
            return all.matmul(own) / (all.norm(1) * own.norm()).clamp_min(1e-12);
        }).Select(m => new NearToken(Print(scene, m.Id), m.Score)),
    ];

    private static IReadOnlyList<TokenLogit> KeyWords(Scene scene, Tensor key)
        => [.. Matching(scene, 10, (_, all) => all.matmul(key)).Select(m => new TokenLogit(m.Id, Print(scene, m.Id), m.Score))];

    /// <summary>The words whose embeddings score highest, the best first; none where the stack reads no words, or too many.</summary>
    /// <param name="scene">Whose stack.</param>
    /// <param name="count">How many.</param>
    /// <param name="score">From the embeddings (V, d) to (V).</param>
    private static IReadOnlyList<(int Id, float Score)> Matching(Scene scene, int count, Func<Decoder, Tensor, Tensor> score)
    {
        if (scene.Stack is not Decoder decoder || !Speaks(scene) || TooLarge(scene))
        {
            return [];
        }

        var valid = scene.Open.Tokens.Valid;
        var scores = Floats(score(decoder, decoder.Embed([valid])[0].to(float32)));
        return [.. scores.Index().OrderByDescending(s => s.Item).ThenBy(s => s.Index).Take(count).Select(s => (valid[s.Index], s.Item))];
    }

    private static IReadOnlyList<(string Name, double Value)> Along(FlowPolicy flow, int layer, int neuron)
    {
        var vectors = Floats(flow.ActionVectors(layer)[neuron]);
        return [.. flow.ActionNames.Zip(vectors, (n, v) => (n, (double)v))];
    }
}
