using Vitrine.Inputs.Pictures;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A stack of picture patches: patch embedding, blocks, features.</summary>
public class Tower : Stack
{
    private readonly PatchEmbedding? embedding;

    internal Tower(StackShape shape, IReadOnlyList<Block> blocks, PatchEmbedding embedding)
        : base(shape, blocks) => (this.embedding, Around) = (embedding, embedding.Spec);

    /// <summary>A tower that embeds its patches itself.</summary>
    private protected Tower(StackShape shape, IReadOnlyList<Block> blocks, TowerSpec around)
        : base(shape, blocks) => Around = around;

    /// <summary>What stands around the blocks.</summary>
    public TowerSpec Around { get; }

    /// <summary>Pixels on a side of the square pictures of the training; 0 where pictures have any size.</summary>
    public int ImageSize => Around.ImageSize;

    /// <summary>Patches on a side of such a picture; 0 where pictures have any size.</summary>
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
    /// <returns>Features (B,tokens,d), and the pooled output (B,d) where the whole depth runs and the family has one.</returns>
    public (Tensor Features, Tensor? Pooled) Forward(RunScope run, Tensor pixels) => Forward(run, pixels, owners: null, shown: null);

    /// <summary>The same over frames that are not one a row of the batch.</summary>
    /// <param name="run">Of the model.</param>
    /// <param name="pixels">(frames,3,H,W), normalised.</param>
    /// <param name="owners">Whose frames they are; null where each row of the batch has one.</param>
    /// <param name="shown">
    /// For each frame the rows and columns of patches, from the upper left, that are picture and not padding; no token sees padding. Null for all of them, and
    /// in towers whose positions are not <see cref="PositionResampling.Bucketed"/>.
    /// </param>
    internal virtual (Tensor Features, Tensor? Pooled) Forward(
        RunScope run, Tensor pixels, FrameOwners? owners, IReadOnlyList<(int Rows, int Columns)>? shown = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(pixels);
        Require(pixels);
        var embedded = embedding!.Apply(pixels.to(Dtype, Device), shown);
        using var pass = shown is null
            ? run.PassOver(embedded.shape[0], embedded.shape[1], owners)
            : run.PassOver(Positions(shown, pixels), owners);
        var own = pass.Plan.Of(Shape.Name);
        if (LastNorm is null)
        {
            var last = Enumerable.Range(0, Shape.Layers).LastOrDefault(layer => layer <= FeaturesAfter || pass.Plan.In(Shape.Name, layer) != Slots.None);
            return (Through(Enter(embedded, pass), pass, cache: null, first: 0, last).Features!, null);
        }

        var (residual, cut) = Forward(embedded, pass);

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

    /// <summary>
    /// [frame][patch]: which of the learned positions each patch of a prepared picture takes, in towers that share them out by place; padding takes 0.
    /// </summary>
    /// <exception cref="VitrineException">The tower resamples its positions, or sees pictures of one size alone.</exception>
    public IReadOnlyList<IReadOnlyList<long>> LearnedPositions(Preparation picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return Around.Resampling == PositionResampling.Bucketed
            ? PatchEmbedding.Buckets([.. Shown(picture)], Grid, picture.Pixels[0].Height / Around.PatchSize, picture.Pixels[0].Width / Around.PatchSize)
            : throw new VitrineException($"stack '{Shape.Name}': its positions are {Around.Resampling}, not shared out by place.");
    }

    /// <summary>What the tokens show, in a tower that reads several pictures as one sequence.</summary>
    /// <param name="pictures">In the order in which they are read.</param>
    /// <exception cref="VitrineException">The tower reads each picture for itself, row by row.</exception>
    public virtual PatchPlaces Places(IReadOnlyList<Preparation> pictures)
        => throw new VitrineException(
            $"stack '{Shape.Name}': reads each picture for itself: its patches stand row by row, behind {PrefixTokens} other tokens.");

    /// <summary>
    /// For each patch of a picture, row by row, the token that shows it, in a tower whose tokens have another order; null where they have this one.
    /// </summary>
    internal virtual int[]? TokensInRows(int rows, int columns) => null;

    /// <summary>For each patch of a picture, row by row, which part of the picture it sees in a block; null where it sees all of it.</summary>
    internal virtual int[]? PartsInRows(int layer, int rows, int columns) => null;

    /// <summary>Rows and columns of the patches of each frame that are picture: a patch counts as soon as one of its pixels does.</summary>
    internal IEnumerable<(int Rows, int Columns)> Shown(Preparation picture)
        => (picture.Shown.Count > 0 ? picture.Shown : picture.Pixels.Select(f => (f.Height, f.Width)))
            .Select(s => ((s.Height + Around.PatchSize - 1) / Around.PatchSize, (s.Width + Around.PatchSize - 1) / Around.PatchSize));

    /// <summary>[frame][patch]: places of the patches that are picture, -1 for padding.</summary>
    private long[][] Positions(IReadOnlyList<(int Rows, int Columns)> shown, Tensor pixels)
    {
        var columns = pixels.shape[3] / Around.PatchSize;
        return [.. shown.Select(frame =>
        {
            var next = 0L;
            return Enumerable.Range(0, (int)(pixels.shape[2] / Around.PatchSize * columns))
                .Select(i => i / columns < frame.Rows && i % columns < frame.Columns ? next++ : -1).ToArray();
        })];
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
