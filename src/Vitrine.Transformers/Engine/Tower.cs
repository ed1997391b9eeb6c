using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A stack of picture patches: patch embedding, blocks, features.</summary>
public sealed class Tower : Stack
{
    private readonly PatchEmbedding embedding;

    internal Tower(StackShape shape, IReadOnlyList<Block> blocks, PatchEmbedding embedding)
        : base(shape, blocks) => this.embedding = embedding;

    /// <summary>What stands around the blocks.</summary>
    public TowerSpec Around => embedding.Spec;

    /// <summary>Pixels on a side of the square pictures of the training.</summary>
    public int ImageSize => Around.ImageSize;

    /// <summary>Patches on a side of such a picture.</summary>
    public int Grid => Around.Grid;

    /// <summary>Class and register tokens in front of the patches.</summary>
    public int PrefixTokens => Around.PrefixTokens;

    /// <summary>Pools by attention; null where the class token stands for the picture, or nothing.</summary>
    internal AttentionPool? Pool { get; init; }

    /// <summary>On the class token, with tanh; null for the token as it is.</summary>
    internal Linear? Pooler { get; init; }

    /// <summary>Patches through all blocks.</summary>
    /// <param name="run">Of the model.</param>
    /// <param name="pixels">(B,3,H,W), normalised.</param>
    /// <param name="owners">[picture]: the row of the batch that it belongs to, where a row may have several pictures or none; null for one each.</param>
    /// <returns>Features (B,tokens,d), and the pooled output (B,d) where the whole depth runs and the family has one.</returns>
    public (Tensor Features, Tensor? Pooled) Forward(RunScope run, Tensor pixels, IReadOnlyList<int>? owners = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(pixels);
        Require(pixels);
        var embedded = embedding.Apply(pixels.to(Dtype, Device));
        using var pass = run.PassOver((int)embedded.shape[1], rows: (int)embedded.shape[0], owners: owners);
        var (residual, cut) = Forward(embedded, pass);
        var own = pass.Plan.Of(Shape.Name);
        if (LastNorm is null)
        {
            return (cut!, null);
        }

        if (Around.Features == TowerFeatures.Residual)
        {
            var whole = own.At(Point.Features, residual, pass);
            return (whole, FinalNorm(whole.select(1, 0), pass));                                     // CLIP norms the class token alone
        }

        var normed = FinalNorm(residual, pass);                                                      // (B, T, d)
        if (cut is null)
        {
            normed = own.At(Point.Features, normed, pass);
        }

        var pooled = Pool?.Forward(normed, pass, Shape.Name) ?? (Around.ClassToken ? normed.select(1, 0) : null);
        return (cut ?? normed, pooled is not null && Pooler is not null ? Pooler.Apply(pooled).tanh() : pooled);
    }

    private void Require(Tensor pixels)
    {
        var fits = pixels.dim() == 4 && pixels.shape[0] > 0 && pixels.shape[1] == 3;
        var native = fits && pixels.shape[2] == ImageSize && pixels.shape[3] == ImageSize;
        var resampled = fits && Around.Resampling != PositionResampling.None && pixels.shape[2] >= Around.PatchSize && pixels.shape[3] >= Around.PatchSize
            && pixels.shape[2] % Around.PatchSize == 0 && pixels.shape[3] % Around.PatchSize == 0;
        if (!native && !resampled)
        {
            var others = Around.Resampling == PositionResampling.None ? "" : $", or sides that are multiples of {Around.PatchSize}";
            throw new VitrineException(
                $"stack '{Shape.Name}': pixels are [{string.Join(", ", pixels.shape)}]; expected [B, 3, {ImageSize}, {ImageSize}]{others}.");
        }
    }
}
