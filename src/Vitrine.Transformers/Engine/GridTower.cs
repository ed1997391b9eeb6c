using Vitrine.Inputs.Pictures;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// A tower that reads pictures of any size as one sequence of patches, turned by row and column; each picture, or each window of it, sees itself alone
/// (Qwen2.5-VL, Qwen3-VL).
/// </summary>
internal sealed class GridTower : Tower
{
    private readonly Linear patches;
    private readonly GridLayout layout;

    /// <param name="shape">Sizes and points.</param>
    /// <param name="blocks">With their weights.</param>
    /// <param name="around">What stands around the blocks.</param>
    /// <param name="patches">From the numbers of a patch (channel, time, row, column) to the residual.</param>
    /// <param name="layout">How patches of a picture follow each other.</param>
    public GridTower(StackShape shape, IReadOnlyList<Block> blocks, TowerSpec around, Linear patches, GridLayout layout)
        : base(shape, blocks, around) => (this.patches, this.layout) = (patches, layout);

    /// <summary>How patches of a picture follow each other.</summary>
    public GridLayout Layout => layout;

    /// <summary>Learned positions of a square grid (n^2,d); null where there are none.</summary>
    public Tensor? Learned { get; init; }

    /// <summary>Blocks behind which features are merged and handed on beside those of the end, in order, each with its merger; none in Qwen2.5-VL.</summary>
    public IReadOnlyList<(int Block, PatchMerger Merger)> DeepStack { get; init; } = [];

    /// <summary>Numbers of a patch.</summary>
    public int PatchNumbers => (int)patches.Inputs;

    /// <summary>Frames a patch spans; a still picture is repeated.</summary>
    public int Times => (int)(patches.Inputs / (3 * Around.PatchSize * Around.PatchSize));

    /// <param name="run">Of the model.</param>
    /// <param name="pixels">(pictures,3,H,W) of whole merged patches; every one is a picture of its own.</param>
    /// <param name="owners">Whose pictures they are.</param>
    /// <param name="shown">Pictures are never padded.</param>
    /// <returns>Features (1, pictures x patches, d), in the order of <see cref="PlacedGrids.Order"/>.</returns>
    internal override (Tensor Features, Tensor? Pooled) Forward(
        RunScope run, Tensor pixels, FrameOwners? owners, IReadOnlyList<(int Rows, int Columns)>? shown = null)
    {
        var (side, block) = (Around.PatchSize, Around.PatchSize * layout.Merge);
        if (pixels.dim() != 4 || pixels.shape[1] != 3 || pixels.shape[2] % block != 0 || pixels.shape[3] % block != 0 || pixels.numel() == 0)
        {
            throw new VitrineException($"stack '{Shape.Name}': pixels are [{string.Join(", ", pixels.shape)}]; expected [B, 3, H, W] whose sides are "
                + $"multiples of {block}.");
        }

        var (pictures, rows, columns) = ((int)pixels.shape[0], (int)pixels.shape[2] / side, (int)pixels.shape[3] / side);
        var merge = layout.Merge;
        var cut = pixels.to(Dtype, Device).reshape(pictures, 3, rows / merge, merge, side, columns / merge, merge, side)
            .permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, Times, -1, -1)     // block, patch in it, channel, time, row, column
            .reshape(pictures * rows * columns, patches.Inputs);
        owners ??= new FrameOwners([.. Enumerable.Range(0, pictures)], [.. Enumerable.Repeat(0, pictures)]);
        var (features, _) = See(run, cut, [.. Enumerable.Repeat((rows, columns), pictures)], owners);
        return (features, null);
    }

    public override PatchPlaces Places(IReadOnlyList<Preparation> pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        var placed = layout.Of([.. pictures.Select(p => p.PatchGrid is (_, var rows, var columns)
            ? (rows, columns)
            : (p.Pixels[0].Height / Around.PatchSize, p.Pixels[0].Width / Around.PatchSize))]);
        var shown = OfTokens(new FrameOwners([.. pictures.Index().Select(p => p.Index)], [.. pictures.Select(_ => 0)]), placed.PictureLengths, 1);
        return new PatchPlaces([.. shown.Rows.Zip(placed.Places).Select(t => (t.First, t.Second.Row, t.Second.Column))], placed.WindowLengths);
    }

    /// <param name="run">Of the model.</param>
    /// <param name="cut">(patches, numbers of one), in the order of merged blocks.</param>
    /// <param name="grids">Rows and columns of patches of each picture.</param>
    /// <param name="owners">Whose pictures they are.</param>
    /// <returns>The last block's output (1,P,d), and what is merged behind earlier blocks (1,P/m^2,width of the decoder).</returns>
    public (Tensor Features, IReadOnlyList<Tensor> Behind) See(
        RunScope run, Tensor cut, IReadOnlyList<(int Rows, int Columns)> grids, FrameOwners owners)
    {
        var placed = layout.Of(grids);
        var embedded = patches.Apply(cut.to(Dtype, Device)).unsqueeze(0);                                   // (1, P, d)
        embedded = Learned is null ? embedded : embedded.Plus(Resampled(grids));
        embedded = placed.Order is null ? embedded : embedded[TensorIndex.Colon, TensorIndex.Tensor(tensor(placed.Patches(layout.Merge), device: Device))];
        using var pass = run.PassOver(placed, OfTokens(owners, placed.PictureLengths, 1));
        var mergedOwners = OfTokens(owners, placed.PictureLengths, layout.Merge * layout.Merge);
        var (x, next, behind) = (Enter(embedded, pass), 0, new List<Tensor>());
        foreach (var (block, merger) in DeepStack)
        {
            x = Through(x, pass, cache: null, next, block).Residual;
            var merged = merger.Apply(x);
            using var over = run.PassOver(1, merged.shape[1], mergedOwners);
            behind.Add(over.At(Shape.Name, PictureSide.DeepStack(behind.Count, (int)merged.shape[2]), merged));
            next = block + 1;
        }

        x = next < Shape.Layers ? Through(x, pass, cache: null, next, Shape.Layers - 1).Residual : x;
        return (pass.At(Shape.Name, Point.Features, x), behind);
    }

    internal override int[] TokensInRows(int rows, int columns)
    {
        var tokens = new int[rows * columns];
        foreach (var (token, (row, column)) in layout.Of([(rows, columns)]).Places.Index())
        {
            tokens[(row * columns) + column] = token;
        }

        return tokens;
    }

    internal override int[]? PartsInRows(int layer, int rows, int columns)
    {
        if (Blocks[layer].Spec.Attention.Mask != AttentionMask.OwnWindow)
        {
            return null;
        }

        int[] windows = [.. layout.Of([(rows, columns)]).WindowLengths.Index().SelectMany(w => Enumerable.Repeat(w.Index, w.Item))];
        return [.. TokensInRows(rows, columns).Select(token => windows[token])];
    }

    /// <summary>Owners of each token, so many patches a token.</summary>
    internal static FrameOwners OfTokens(FrameOwners owners, IReadOnlyList<int> pictureLengths, int patches) => new(
        [.. owners.Rows.Zip(pictureLengths).SelectMany(p => Enumerable.Repeat(p.First, p.Second / patches))],
        [.. owners.Pictures.Zip(pictureLengths).SelectMany(p => Enumerable.Repeat(p.First, p.Second / patches))]);

    /// <remarks>
    /// Bilinear between the four places around, corners on corners, in the order of merged blocks (transformers, modeling_qwen3_vl.py,
    /// fast_pos_embed_interpolate).
    /// </remarks>
    private Tensor Resampled(IReadOnlyList<(int Rows, int Columns)> grids)
    {
        var side = (int)Math.Sqrt(Learned!.shape[0]);
        var (places, shares) = (new List<long>[] { [], [], [], [] }, new List<float>[] { [], [], [], [] });
        foreach (var (rows, columns) in grids)
        {
            var (down, across) = (Steps(rows), Steps(columns));
            foreach (var (row, column) in layout.Places(rows, columns))
            {
                var (top, left) = ((int)down[row], (int)across[column]);
                var (below, beside) = (Math.Min(top + 1, side - 1), Math.Min(left + 1, side - 1));
                var (low, far) = (down[row] - top, across[column] - left);
                long[] at = [(top * side) + left, (top * side) + beside, (below * side) + left, (below * side) + beside];
                float[] share = [(1 - low) * (1 - far), (1 - low) * far, low * (1 - far), low * far];
                for (var corner = 0; corner < 4; corner++)
                {
                    places[corner].Add(at[corner]);
                    shares[corner].Add(share[corner]);
                }
            }
        }

        return Enumerable.Range(0, 4)
            .Select(c => Learned[tensor(places[c].ToArray(), device: Device)] * tensor(shares[c].ToArray(), device: Device).to(Dtype).unsqueeze(-1))
            .Aggregate((a, b) => a.Plus(b));

        float[] Steps(int count)
        {
            using var steps = linspace(0, side - 1, count, float32);
            return steps.data<float>().ToArray();
        }
    }
}
