using System.Globalization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Scenes;
using Vitrine.Transformers;
using Vitrine.Views;
using static TorchSharp.torch;

namespace Vitrine.Studio.Causing;

/// <summary>One number of an answer: of an action, of the next token, of a class, of what an encoder hands on.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Unedited">The number and the answer of the model as it is.</param>
/// <param name="Of">From a plan to the number and the answer in words.</param>
internal sealed record CauseMeasure(string Name, (double Value, string Answer) Unedited, Func<RunPlan, (double Value, string Answer)> Of)
{
    /// <summary>The measure of an address: <c>metric</c> of an action, <c>target</c> of a text. One pass without edits is run.</summary>
    /// <exception cref="VitrineException">The action has no such number, or the vocabulary no such word.</exception>
    public static CauseMeasure For(Scene scene, PageAddress at)
    {
        switch (scene.Model)
        {
            case Policy policy:
                var metric = ActionMetric.Named(at.Text("metric", policy.ActionNames[0] == "dx" ? "speed" : policy.ActionNames[0]), policy.ActionNames);
                return new CauseMeasure($"{metric.Name} of the action", Measured(RunPlan.Empty), Measured);

                (double, string) Measured(RunPlan plan)
                {
                    using var run = scene.Run(plan);
                    var values = run.Acted!.Actions[0].Values;
                    return (metric.Of(values), string.Join(' ', values.Select(v => v.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture))));
                }

            case TextModel { Labels: { } labels } text:
                return Choice(labels.Names, plan =>
                {
                    using var classified = text.Classify(text.Encode(scene.Said), plan);
                    return Logs(classified.Run.Logits[0]);
                }, at);
            case VisionModel { Labels: { } classes } vision:
                return Choice(classes.Names, plan =>
                {
                    using var classified = vision.Classify(scene.Pixels!, plan);
                    return Logs(classified.Run.Logits[0]);
                }, at);
            case TextModel { Language.Shape.Vocabulary: > 0 } speaking:
                return Choice([.. Enumerable.Range(0, speaking.Language.Shape.Vocabulary).Select(speaking.Tokenizer.Shown)], plan =>
                {
                    using var run = scene.Run(plan);
                    return Logs(run.Run.Logits[0, scene.Deciding]);
                }, at);
            default:
                var unedited = Features(RunPlan.Empty);
                return new CauseMeasure("cosine of the features with the unedited ones", Compared(unedited), plan => Compared(Features(plan)));

                (double, string) Compared(float[] own)
                {
                    var dot = own.Zip(unedited, (a, b) => (double)a * b).Sum();
                    return (dot / Math.Sqrt(own.Sum(a => (double)a * a) * unedited.Sum(b => (double)b * b)), $"{own.Length} numbers");
                }
        }

        float[] Features(RunPlan plan)
        {
            using var run = scene.Run(plan);
            return Tour.TourReading.Floats(run.Run.Logits.flatten());
        }
    }

    private static CauseMeasure Choice(IReadOnlyList<string> names, Func<RunPlan, double[]> logs, PageAddress at)
    {
        var plain = logs(RunPlan.Empty);
        var target = at["target"] is not { Length: > 0 } word
            ? plain.Index().MaxBy(l => l.Item).Index
            : Enumerable.Range(0, names.Count).FirstOrDefault(i => names[i].Trim('␣', ' ') == word, -1) is >= 0 and var found
                ? found
                : throw new VitrineException($"target '{word}': the model has no such answer; the nearest is '{Nearest.Of(word, names)}'.");
        return new CauseMeasure($"ln p of “{TokenStrip.Visible(names[target])}”", Read(plain), plan => Read(logs(plan)));

        (double, string) Read(double[] own)
        {
            var best = own.Index().MaxBy(l => l.Item);
            return (own[target], string.Create(CultureInfo.InvariantCulture, $"{names[best.Index]} ({Math.Exp(best.Item):0.0 %})"));
        }
    }

    private static double[] Logs(Tensor logits)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return logits.detach().cpu().to(float64).log_softmax(0).data<double>().ToArray();
    }
}
