using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>A model of either kind with an input of its fixture.</summary>
internal sealed class Subject(
    IDisposable model, IReadOnlyList<StackShape> stacks, Stack stack, Func<RunPlan, Run> run, Func<RunPlan, Run> runTwice, IDisposable input) : IDisposable
{
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

    public Run Run(RunPlan plan) => run(plan);

    public Run RunTwice(RunPlan plan) => runTwice(plan);

    public static Subject Open(string name, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        var options = new ModelOptions { Dtype = dtype, Device = device ?? CPU };
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        if (new VisionCertifier().Knows(fixture))
        {
            var @case = fixture.Meta.GetProperty("cases")[0].GetString();
            var pixels = fixture.Read($"{@case}/in.pixel_values");
            var vision = VisionModel.Open(fixture.Folder, options);
            var texts = vision.Text is null ? null : TokenBatch.Masked(fixture.Rows($"{@case}/in.input_ids"), fixture.Rows($"{@case}/in.attention_mask"));
            return new Subject(
                vision, vision.Stacks, vision.Tower, p => Seen(pixels.narrow(0, 0, 1), p), p => Seen(pixels.narrow(0, 0, 1).repeat(2, 1, 1, 1), p), pixels);

            Run Seen(Tensor of, RunPlan plan) => texts is null ? vision.Run(of, plan) : vision.Match(of, texts, plan).Run;
        }

        var text = TextModel.Open(fixture.Folder, options);
        if (text.Sees)
        {
            var (one, two) = (Seeing.Batch(fixture, rows: 1), Seeing.Batch(fixture, rows: 2));
            return new Subject(text, text.Stacks, text.Language, p => text.Run(one, p), p => text.Run(two, p), zeros(1));
        }

        var ids = fixture.Rows("single/in.input_ids")[0];
        return new Subject(text, text.Stacks, text.Language, p => text.Run(TokenBatch.Of(ids), p), p => text.Run(TokenBatch.Of([ids, ids]), p), zeros(1));
    }

    public void Dispose()
    {
        model.Dispose();
        input.Dispose();
    }
}
