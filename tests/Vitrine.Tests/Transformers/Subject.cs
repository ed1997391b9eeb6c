using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>How the rows of an input stand.</summary>
public enum Layout
{
    /// <summary>One row.</summary>
    Alone,

    /// <summary>Beside a shorter row, which is padded in front.</summary>
    PaddedLeft,

    /// <summary>Beside a shorter row, which is padded behind.</summary>
    PaddedRight,
}

/// <summary>A model of either kind with an input of its fixture.</summary>
internal sealed class Subject(
    IDisposable model, IReadOnlyList<StackShape> stacks, Stack stack, Func<RunPlan, Run> run, Func<RunPlan, Run> runTwice, IDisposable input) : IDisposable
{
    /// <summary>[row][token] positions of a text, -1 for padding; null for a picture alone.</summary>
    public IReadOnlyList<IReadOnlyList<long>>? Positions { get; private init; }

    public Stack Stack => stack;

    public StackShape Shape => stack.Shape;

    public IReadOnlyList<StackShape> Stacks => stacks;

    /// <summary>Every fixture that the certifiers of text and picture models, and of models of both, know.</summary>
    public static TheoryData<string> Names()
    {
        var data = new TheoryData<string>();
        var models = Path.Combine(Fixtures.Root, "models");
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (new TextCertifier().Knows(fixture) || new VisionCertifier().Knows(fixture) || new VisionLanguageCertifier().Knows(fixture))
            {
                data.Add(Path.GetFileName(folder));
            }
        }

        return data;
    }

    /// <summary>Every fixture in every precision, alone and, where it reads texts, padded.</summary>
    public static TheoryData<string, ScalarType, Layout> Everywhere()
    {
        var data = new TheoryData<string, ScalarType, Layout>();
        foreach (var name in Names().Select(r => r.Data))
        {
            using var fixture = Fixture.Open(Fixtures.Of("models", name));
            Layout[] layouts = new VisionCertifier().Knows(fixture) ? [Layout.Alone] : Enum.GetValues<Layout>();
            foreach (var dtype in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
            {
                foreach (var layout in layouts)
                {
                    data.Add(name, dtype, layout);
                }
            }
        }

        return data;
    }

    public Run Run(RunPlan plan) => run(plan);

    public Run RunTwice(RunPlan plan) => runTwice(plan);

    public static Subject Open(string name, ScalarType dtype = ScalarType.Float32, Device? device = null, Layout layout = Layout.Alone)
    {
        var options = new ModelOptions { Dtype = dtype, Device = device ?? CPU };
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        if (new VisionCertifier().Knows(fixture))
        {
            var @case = fixture.Meta.GetProperty("cases")[0].GetString();
            var pixels = fixture.Read($"{@case}/in.pixel_values");
            var vision = VisionModel.Open(fixture.Folder, options);
            var texts = vision.Text is null ? null : TokenBatch.Masked(fixture.IdRows($"{@case}/in.input_ids"), fixture.Rows($"{@case}/in.attention_mask"));
            return new Subject(
                vision, vision.Stacks, vision.Tower, p => Seen(pixels.narrow(0, 0, 1), p), p => Seen(pixels.narrow(0, 0, 1).repeat(2, 1, 1, 1), p), pixels);

            Run Seen(Tensor of, RunPlan plan) => texts is null ? vision.Run(of, plan) : vision.Match(of, texts, plan).Run;
        }

        var text = TextModel.Open(fixture.Folder, options);
        var left = layout == Layout.PaddedLeft;
        if (text.Sees)
        {
            var two = Seeing.Batch(fixture, rows: 2, shorter: layout == Layout.Alone ? 0 : 3, left);
            var one = layout == Layout.Alone ? Seeing.Batch(fixture, rows: 1) : two;
            return new Subject(text, text.Stacks, text.Language, p => text.Run(one, p), p => text.Run(two, p), zeros(1)) { Positions = one.Positions };
        }

        var ids = fixture.IdRows("single/in.input_ids")[0];
        var (alone, twice) = layout == Layout.Alone
            ? (TokenBatch.Of(ids), TokenBatch.Of([ids, ids]))
            : (TokenBatch.Of([ids, ids[..^3]], left), TokenBatch.Of([ids, ids[..^3]], left));
        return new Subject(text, text.Stacks, text.Language, p => text.Run(alone, p), p => text.Run(twice, p), zeros(1)) { Positions = alone.Positions };
    }

    /// <summary>A point's values at a row's own tokens, padding left out: (tokens, ...), queries first where there are queries.</summary>
    public Tensor Own(Tensor x, PointAxes axes)
    {
        var placed = axes == PointAxes.Attention ? x.transpose(1, 2) : x;
        if (Positions is null || placed.dim() < 3 || placed.shape[0] != Positions.Count || placed.shape[1] != Positions[0].Count)
        {
            return placed; // of pictures, say
        }

        return placed[tensor(Positions.SelectMany(r => r).Select(p => p >= 0).ToArray(), [Positions.Count, Positions[0].Count])];
    }

    public void Dispose()
    {
        model.Dispose();
        input.Dispose();
    }
}
