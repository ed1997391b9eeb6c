using System.Globalization;
using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>
/// Goldens of edges: attribution, single edges patched and circuits run by auto-circuit (<c>eap</c>), and the <c>edges.*</c> and <c>faithfulness.*</c> keys of
/// TransformerLens (<c>path-patching</c>).
/// </summary>
internal static class EdgePatchingCertifier
{
    private static readonly string[] Inputs = ["in.clean", "in.corrupted", "in.answers", "in.mean_tokens"];

    /// <summary>Every key of a model's case in a fixture that has edges named by auto-circuit.</summary>
    public static IEnumerable<CertificateRow> Compare(Fixture fixture, string name, TextModel model)
    {
        using var pair = Pair(fixture, name, model, rows: null);
        var names = fixture.Meta.GetProperty("edges").GetProperty(name).EnumerateArray().Select(e => Edge(pair.Graph, e.GetString()!)).ToArray();
        foreach (var key in fixture.KeysOf(name).Except(Inputs))
        {
            yield return Found(fixture, name, key, pair, names) is { } found
                ? Comparison.Of(name, key, found, fixture.Read($"{name}/{key}"))
                : CertificateRow.Failed(name, key, "this key is not known");
        }
    }

    /// <summary>Whether a key of a path-patching fixture is one of edges.</summary>
    public static bool Knows(string key)
        => key.StartsWith("edges.", StringComparison.Ordinal) || key.StartsWith("faithfulness.", StringComparison.Ordinal);

    /// <summary>The keys of a path-patching fixture that <see cref="Knows"/>.</summary>
    public static IEnumerable<CertificateRow> ComparePaths(Fixture fixture, string name, TextModel model)
    {
        string[] keys = [.. fixture.KeysOf(name).Where(Knows)];
        if (keys.Length == 0)
        {
            yield break;
        }

        // nodes, edges and faithfulness are of the first pair alone
        using var pair = Pair(fixture, name, model, rows: [0]);
        var scores = pair.Score(EdgeMethod.EapCorrupted, new EdgeOptions { Axis = EdgeAxis.Positions });
        var kinds = fixture.Meta.GetProperty("node_kinds").EnumerateArray().Select(k => k.GetString()!).ToArray();
        var edges = fixture.Rows($"{name}/edges.code").Select(code => (Of: Edge(pair.Graph, kinds, code), Position: (int)code[7])).ToArray();
        foreach (var key in keys)
        {
            yield return Path(key) is { } found
                ? Comparison.Of(name, key, found, fixture.Read($"{name}/{key}"))
                : key is "edges.code" or "faithfulness.sizes"
                    ? CertificateRow.Equal(name, key, key == "edges.code" ? Missing() : 0, fixture.Shape($"{name}/{key}")[0], "an input")
                    : CertificateRow.Failed(name, key, "this key is not known");
        }

        long Missing() => edges.LongCount(e => !pair.Graph.Has(e.Of.Writer, e.Of.Reader)) + Math.Abs(scores.Count - edges.LongLength);

        Tensor? Path(string key) => key switch
        {
            "edges.score" => tensor(edges.Select(e => (float)scores[e.Of.Writer, e.Of.Reader, e.Position]).ToArray()),
            "faithfulness.full_metric" => tensor((float)pair.CleanValues[0]),
            "faithfulness.corrupt_metric" => tensor((float)pair.CorruptedValues[0]),
            "faithfulness.corrupt.recovered" => Recovered(EdgeFill.Corrupted, null),
            "faithfulness.mean.recovered" => Recovered(EdgeFill.Mean, Subject.Of(model, TokenBatch.Of(fixture.IdRows($"{name}/in.mean_tokens")))),
            _ => null,
        };

        Tensor Recovered(EdgeFill fill, Subject? mean)
        {
            var (clean, corrupted) = (pair.CleanValues[0], pair.CorruptedValues[0]);
            var circuits = fixture.Integers($"{name}/faithfulness.sizes").Select(size => Circuit.Top(scores, (int)size));
            return tensor(pair.Run(circuits, new CircuitRunOptions { Fill = fill, FillFrom = mean })
                .Select(values => (float)((values[0] - corrupted) / (clean - corrupted))).ToArray());
        }
    }

    private static Tensor? Found(Fixture fixture, string name, string key, CircuitPair pair, (int Writer, int Reader)[] edges)
    {
        var parts = key.Split('.');
        return parts switch
        {
            ["clean", "metric"] => tensor((float)pair.CleanValues.Average()),
            ["corrupted", "metric"] => tensor((float)pair.CorruptedValues.Average()),
            ["eap", "resample" or "reference"] => Scores(pair.Score(EdgeMethod.Eap)),
            ["eap", "by_position"] => ByPosition(pair.Score(EdgeMethod.Eap, new EdgeOptions { Axis = EdgeAxis.Positions })),
            ["eap", "zero"] => Scores(pair.Score(EdgeMethod.Eap, new EdgeOptions { Fill = EdgeFill.Zero })),
            ["eap", "batch_all_token_mean"] => Scores(pair.Score(EdgeMethod.Eap, new EdgeOptions { Fill = EdgeFill.MeanOfAll })),
            ["eap", "probability"] => Probability(fixture, name, pair, Scores),
            ["edge_ig"] => Summed(pair, Scores),
            ["exact", var fill, "metric"] when FillOf(fill) is { } f => Exact(pair, f),
            ["circuit", var method, var run, var what] when ScoresOf(method, pair) is { } scores && run is "kept" or "restored"
                => Circuits(scores, run == "kept", what),
            _ => null,
        };

        Tensor Scores(EdgeScores scores) => tensor(edges.Select(e => (float)scores[e.Writer, e.Reader]).ToArray());

        Tensor ByPosition(EdgeScores scores) => tensor(
            scores.Cells.SelectMany((_, c) => edges.Select(e => (float)scores[e.Writer, e.Reader, c])).ToArray(), [scores.Cells.Count, edges.Length]);

        Tensor Exact(CircuitPair of, EdgeFill fill)
        {
            var clean = of.CleanValues.Average();
            var scores = of.Score(EdgeMethod.Exact, new EdgeOptions { Fill = fill });
            return tensor(edges.Select(e => (float)(clean - scores[e.Writer, e.Reader])).ToArray());
        }

        Tensor? Circuits(EdgeScores scores, bool kept, string what)
        {
            var sizes = fixture.Integers($"{name}/circuit.{parts[1]}.{parts[2]}.counts");
            var circuits = sizes.Select(n => Circuit.Top(scores, (int)n)).ToArray();
            var options = new CircuitRunOptions { OnClean = kept };
            if (what == "counts")
            {
                return tensor(circuits.Select(c => (long)c.Edges.Count).ToArray());
            }

            return what == "metric" ? tensor(pair.Run(circuits, options).Select(v => (float)v.Average()).ToArray())
                : what == "logits" ? stack([.. circuits.Select(c => pair.Logits(c, options).select(1, -1))])
                : null;
        }
    }

    /// <remarks>auto-circuit sums the derivatives of all points on the way, both ends counted, where Vitrine takes their mean.</remarks>
    private static Tensor Summed(CircuitPair pair, Func<EdgeScores, Tensor> scores)
    {
        const int samples = 10;
        return scores(pair.Score(EdgeMethod.EapIgEdges, new EdgeOptions { WaySteps = samples })) * (samples + 1);
    }

    private static Tensor Probability(Fixture fixture, string name, CircuitPair pair, Func<EdgeScores, Tensor> scores)
    {
        var answers = fixture.Rows($"{name}/in.answers");
        using var right = new CircuitPair(pair.Clean, pair.Corrupted, new ProbabilityMetric([.. answers.Select(a => (int)a[0])]));
        using var wrong = new CircuitPair(pair.Clean, pair.Corrupted, new ProbabilityMetric([.. answers.Select(a => (int)a[1])]));
        return scores(right.Score(EdgeMethod.Eap)) - scores(wrong.Score(EdgeMethod.Eap));
    }

    private static EdgeFill? FillOf(string name) => name switch { "resample" => EdgeFill.Corrupted, "zero" => EdgeFill.Zero, _ => null };

    private static EdgeScores? ScoresOf(string method, CircuitPair pair) => method switch
    {
        "resample" => pair.Score(EdgeMethod.Eap),
        "ig" => pair.Score(EdgeMethod.EapIgEdges, new EdgeOptions { WaySteps = 10 }),
        _ => null,
    };

    private static CircuitPair Pair(Fixture fixture, string name, TextModel model, int[]? rows)
    {
        var answers = fixture.Rows($"{name}/in.answers");
        var metric = new LogitDifferenceMetric([.. answers.Select(a => (int)a[0])], [.. answers.Select(a => (int)a[1])]);
        return new CircuitPair(Read("in.clean"), Read("in.corrupted"), metric);

        Subject Read(string key)
        {
            var subject = Subject.Of(model, TokenBatch.Of(fixture.IdRows($"{name}/{key}")));
            return rows is null ? subject : subject.Take(rows);
        }
    }

    /// <summary>An edge as auto-circuit names it, e.g. <c>A0.3->A1.0.Q</c>.</summary>
    private static (int Writer, int Reader) Edge(CircuitGraph graph, string text)
    {
        if (text.Split("->") is not [var from, var to])
        {
            throw new VitrineException($"meta.json: '{text}' is no edge; expected e.g. 'MLP 0->A1.0.Q'.");
        }

        return (graph.Writer(Named(from)), graph.Reader(Named(to)));

        static string Named(string node) => node switch
        {
            "Resid Start" => "embedding",
            "Resid End" => "outcome",
            _ when node.StartsWith("MLP ", StringComparison.Ordinal) => $"m{node[4..]}",
            _ => node.ToLowerInvariant(),
        };
    }

    /// <summary>An edge as TransformerLens codes it: kind, layer, head and position of the writer, then of the reader.</summary>
    private static (int Writer, int Reader) Edge(CircuitGraph graph, string[] kinds, long[] code)
    {
        return (graph.Writer(Named(code[0], code[1], code[2])), graph.Reader(Named(code[4], code[5], code[6])));

        string Named(long kind, long layer, long head) => string.Create(CultureInfo.InvariantCulture, $"{(kinds[kind] switch
        {
            "embed" => "embedding",
            "logits" => "outcome",
            "attn_head_out" => $"a{layer}.{head}",
            "q_input" => $"a{layer}.{head}.q",
            "k_input" => $"a{layer}.{head}.k",
            "v_input" => $"a{layer}.{head}.v",
            "mlp_out" or "mlp_in" => $"m{layer}",
            var other => throw new VitrineException($"meta.json: the kind of node '{other}' is not known."),
        })}");
    }
}
