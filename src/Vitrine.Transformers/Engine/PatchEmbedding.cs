using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What stands before block 0 of a tower.</summary>
/// <param name="Spec">Of the tower.</param>
/// <param name="Kernel">(d,3,p,p).</param>
/// <param name="Bias">(d), or none.</param>
/// <param name="Positions">(1, positions, d), the class token's first where it has one.</param>
/// <param name="ClassToken">(1,1,d).</param>
/// <param name="Registers">(1,R,d).</param>
internal sealed record PatchEmbedding(TowerSpec Spec, Tensor Kernel, Tensor? Bias, Tensor Positions, Tensor? ClassToken, Tensor? Registers)
{
    static PatchEmbedding() => _ = Nnpack.SwitchOff();

    /// <summary>Class token, registers, then patches row by row; registers have no position.</summary>
    /// <param name="pixels">(B,3,H,W).</param>
    /// <param name="shown">Rows and columns of patches, from the upper left, that are picture and not padding; null for all of them.</param>
    /// <returns>(B,T,d).</returns>
    public Tensor Apply(Tensor pixels, IReadOnlyList<(int Rows, int Columns)>? shown = null)
    {
        var (height, width) = (pixels.shape[2] / Spec.PatchSize, pixels.shape[3] / Spec.PatchSize);
        var patches = pixels.device_type == TorchSharp.DeviceType.CPU ? Convolved(pixels) : Multiplied(pixels, height, width);   // (B, P, d)
        var first = Spec.PositionOnClassToken ? 1 : 0;
        var grid = Positions.narrow(1, first, Spec.Grid * Spec.Grid);
        patches = patches.Plus(Spec.Resampling == PositionResampling.Bucketed ? Bucketed(grid, shown ?? [((int)height, (int)width)], height, width)
            : height == Spec.Grid && width == Spec.Grid ? grid
            : Resampled(grid, height, width));
        var token = first == 1 ? ClassToken!.Plus(Positions.narrow(1, 0, 1)) : ClassToken;
        Tensor[] prefix = [.. new[] { token, Registers }.OfType<Tensor>().Select(t => t.expand(patches.shape[0], -1, -1))];
        return prefix.Length == 0 ? patches : cat([.. prefix, patches], 1);
    }

    private Tensor Convolved(Tensor pixels) => nn.functional.conv2d(pixels, Kernel, Bias, strides: [Spec.PatchSize, Spec.PatchSize]).flatten(2).transpose(1, 2);

    /// <summary>
    /// The same as one product of matrices, since patches do not overlap: the pixels of each side by side, in the kernel's order (channel, row, column).
    /// </summary>
    /// <remarks>
    /// On a GPU convolutions round to TF32 unless they are told not to, which products do not; libtorch's meta device has no convolution at all. On the CPU the
    /// convolution is faster where many pictures run together. Pixels behind the last whole patch are left out, as a convolution does.
    /// </remarks>
    internal Tensor Multiplied(Tensor pixels, long height, long width)
    {
        var side = Spec.PatchSize;
        var whole = pixels.narrow(2, 0, height * side).narrow(3, 0, width * side);
        var rows = whole.reshape(-1, 3, height, side, width, side).permute(0, 2, 4, 1, 3, 5).reshape(-1, height * width, 3 * side * side);   // (B, P, 3pp)
        return nn.functional.linear(rows, Kernel.flatten(1), Bias);
    }

    /// <summary>[frame][patch]: the position that each patch takes from the training's grid; padding takes 0.</summary>
    /// <remarks>
    /// In float32 and in these steps, as the reference counts (transformers, modeling_smolvlm.py): a patch that begins where a place begins may round into the
    /// place before, where the number of places is no power of two.
    /// </remarks>
    internal static long[][] Buckets(IReadOnlyList<(int Rows, int Columns)> shown, int grid, int rows, int columns)
    {
        var ends = Enumerable.Range(0, grid - 1).Select(i => (float)((1.0 / grid) + (i * (1.0 / grid)))).ToArray();
        return [.. shown.Select(frame =>
        {
            var (down, across) = (Places(frame.Rows), Places(frame.Columns));
            var positions = new long[rows * columns];
            for (var row = 0; row < frame.Rows; row++)
            {
                for (var column = 0; column < frame.Columns; column++)
                {
                    positions[(row * columns) + column] = (down[row] * grid) + across[column];
                }
            }

            return positions;
        })];

        long[] Places(int count)
        {
            var step = 1f / count;
            return [.. Enumerable.Range(0, count).Select(i => Math.Min(i * step, (float)(1 - 1e-6))).Select(at => ends.LongCount(e => e <= at))];
        }
    }

    private Tensor Bucketed(Tensor grid, IReadOnlyList<(int Rows, int Columns)> shown, long height, long width)
    {
        var places = Buckets(shown, Spec.Grid, (int)height, (int)width);
        var rows = grid.squeeze(0)[tensor([.. places.SelectMany(p => p)], device: grid.device)];
        return rows.view(places.Length, height * width, -1);                                                // (B or 1, P, d)
    }

    /// <remarks>In float32, corners not aligned (transformers, interpolate_pos_encoding of each family).</remarks>
    private Tensor Resampled(Tensor grid, long height, long width)
    {
        var square = grid.reshape(1, Spec.Grid, Spec.Grid, -1).permute(0, 3, 1, 2).to(float32);              // (1, d, g, g)
        var other = nn.functional.interpolate(square, [height, width], mode: InterpolationMode.Bicubic, align_corners: false,
            antialias: Spec.Resampling == PositionResampling.BicubicAntialiased);
        return other.permute(0, 2, 3, 1).reshape(1, height * width, -1).to(grid.dtype);                     // (1, P, d)
    }
}
