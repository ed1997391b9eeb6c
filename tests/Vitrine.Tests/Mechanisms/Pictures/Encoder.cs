using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Pictures;

/// <summary>Every image encoder of the fixtures with the pixels of its first case.</summary>
internal sealed class Encoder : IDisposable
{
    private readonly VisionModel owner;

    private Encoder(Fixture fixture, string @case, VisionModel model, VisionModel owner, Tensor pixels)
        => (Fixture, Case, Model, this.owner, Pixels) = (fixture, @case, model, owner, pixels);

    public Fixture Fixture { get; }

    public string Case { get; }

    public VisionModel Model { get; }

    /// <summary>(1,3,H,W).</summary>
    public Tensor Pixels { get; }

    public PictureTokens Tokens => PictureTokens.Of(Model.Tower, Pixels);

    public string Stack => Model.Tower.Shape.Name;

    public int Layers => Model.Tower.Shape.Layers;

    public static TheoryData<string> Names()
    {
        var names = new TheoryData<string>();
        var models = Path.Combine(Fixtures.Root, "models");
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (new VisionCertifier().Knows(fixture) && File.Exists(Path.Combine(folder, "model.safetensors")))
            {
                names.Add(Path.GetFileName(folder));
            }
        }

        return names;
    }

    /// <summary>Those that answer with one vector for a picture, whose coordinates can be taken for classes.</summary>
    public static TheoryData<string> Answering()
    {
        var names = new TheoryData<string>();
        foreach (var name in Names().Select(n => n.Data))
        {
            using var fixture = Fixture.Open(Path.Combine(Fixtures.Root, "models", name));
            if (fixture.Keys.Any(k => k.EndsWith("/out.pooled", StringComparison.Ordinal) || k.EndsWith("/out.class_logits",
                StringComparison.Ordinal) || k.EndsWith("/out.image_embeds", StringComparison.Ordinal)))
            {
                names.Add(name);
            }
        }

        return names;
    }

    /// <param name="name">Of the fixture.</param>
    /// <param name="asClassifier">Whether the coordinates of the output are taken for classes where the encoder has none.</param>
    public static Encoder Open(string name, bool asClassifier = false)
    {
        var fixture = Fixture.Open(Fixtures.Of("models", name));
        var @case = fixture.Meta.GetProperty("cases")[0].GetString()!;
        using var all = fixture.Read($"{@case}/in.pixel_values");
        var pixels = all.narrow(0, 0, 1).clone();
        var vision = VisionModel.Open(fixture.Folder);
        var named = asClassifier && vision.Labels is null
            ? vision.Named(new Labels([.. Enumerable.Range(0, Outputs(vision, pixels)).Select(i => $"coordinate {i}")], ClassScores.OneOfMany))
            : vision;
        return new Encoder(fixture, @case, named, vision, pixels);
    }

    /// <summary>A reference value of row 0, as float64 on this side.</summary>
    public Tensor Golden(string key)
    {
        using var all = Fixture.Read($"{Case}/{key}");
        return all[0].to(float64);
    }

    public void Dispose()
    {
        Pixels.Dispose();
        owner.Dispose();
        Fixture.Dispose();
    }

    private static int Outputs(VisionModel vision, Tensor pixels)
    {
        using var run = vision.Run(pixels);
        return (int)run.Logits.shape[^1];
    }
}
