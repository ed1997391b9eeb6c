using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>An image tower as the picture mechanisms see it, whatever family or policy it belongs to.</summary>
public sealed class PictureModel : IDisposable
{
    private readonly VisionStack vision;
    private readonly Func<Tensor, RunPlan, Run> run;
    private readonly Func<Picture, PictureInput> prepare;
    private readonly IDisposable owner;

    internal PictureModel(string name, string fingerprint, VisionStack vision, Func<Tensor, RunPlan, Run> run, Func<Picture, PictureInput> prepare, Labels? labels, IDisposable owner)
        => (Name, Fingerprint, this.vision, this.run, this.prepare, Labels, this.owner) = (name, fingerprint, vision, run, prepare, labels, owner);

    /// <summary>Of model and tower.</summary>
    public string Name { get; }

    /// <summary>Identifies the weights: a hash over the files' headers.</summary>
    public string Fingerprint { get; }

    /// <summary>The blocks.</summary>
    public Stack Stack => vision.Stack;

    /// <summary>Names of the classes that it answers with; null for an encoder without a class head.</summary>
    public Labels? Labels { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="name">The folder of an image encoder or of an OpenVLA policy, or <c>embedded:tabletop</c>.</param>
    /// <param name="tower">Which tower of a policy; the first when null.</param>
    /// <exception cref="VitrineException">There is no such model or tower.</exception>
    public static PictureModel Open(string name, string? tower = null)
    {
        var folder = PolicyFolder.Resolve(name);
        return PictureSource.IsPolicy(folder) ? PictureSource.OfPolicy(name, folder, tower) : PictureSource.OfEncoder(name, folder, tower);
    }

    /// <summary>How an encoder's folder wants its pictures; timm writes it into config.json.</summary>
    /// <exception cref="VitrineException">The folder does not say it.</exception>
    public static PictureRecipe RecipeOf(string folder) => PictureSource.RecipeOf(folder);

    /// <summary>Prepares a picture as the model was trained to see it.</summary>
    public PictureInput Prepare(Picture picture) => prepare(picture);

    /// <summary>Names of the tokens of prepared pixels.</summary>
    /// <param name="pixels">(B,3,H,W).</param>
    public PictureTokens Tokens(Tensor pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        var spec = vision.Spec;
        return PictureTokens.Of(spec.ClassToken, spec.Registers, (int)pixels.shape[2] / spec.PatchSize, (int)pixels.shape[3] / spec.PatchSize);
    }

    /// <summary>One pass.</summary>
    /// <param name="pixels">(B,3,H,W).</param>
    /// <param name="plan">What to read and change.</param>
    /// <returns>Class logits (B,classes) as its logits where there is a class head.</returns>
    public Run Run(Tensor pixels, RunPlan plan) => run(pixels, plan);

    /// <inheritdoc/>
    public void Dispose() => owner.Dispose();
}
