namespace Vitrine.Inputs.Pictures;

/// <summary>Cut into patches, one row of numbers each, in the order of merged blocks.</summary>
/// <param name="Side">Side of a patch.</param>
/// <param name="Merge">Patches on a side of a merged block.</param>
/// <param name="Times">How many frames a patch spans; a still picture is repeated.</param>
/// <remarks>
/// Rows: block row, block column, row in the block, column in the block. Numbers: channel, time, y, x. Source: transformers, image_processing_qwen2_vl.py.
/// </remarks>
public sealed record Patches(int Side, int Merge, int Times) : IPictureStep
{
    /// <inheritdoc/>
    public string Describe(ResizeEngine engine) => $"patches of {Side} x {Side}, the picture repeated {Times} times, in the order of {Merge} x {Merge} blocks";

    /// <inheritdoc/>
    public Preparation Apply(Preparation picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        if (picture.Pixels is not [var pixels] || pixels.Height % (Side * Merge) != 0 || pixels.Width % (Side * Merge) != 0)
        {
            throw new VitrineException($"patches: {string.Join(", ", picture.Pixels.Select(p => $"{p.Width} x {p.Height}"))} pixels came; expected one frame "
                + $"of whole blocks of {Side * Merge}.");
        }

        var (rows, columns) = (pixels.Height / Side, pixels.Width / Side);
        var width = checked(pixels.Channels * Times * Side * Side);
        var values = new float[checked(rows * columns * width)];
        var to = 0;
        for (var block = 0; block < rows * columns / (Merge * Merge); block++)
        {
            var (blockRow, blockColumn) = Math.DivRem(block, columns / Merge);
            for (var inner = 0; inner < Merge * Merge; inner++)
            {
                var (top, left) = (((blockRow * Merge) + (inner / Merge)) * Side, ((blockColumn * Merge) + (inner % Merge)) * Side);
                for (var plane = 0; plane < pixels.Channels * Times; plane++)
                {
                    for (var y = 0; y < Side; y++, to += Side)
                    {
                        pixels.Values.AsSpan((((plane / Times * pixels.Height) + top + y) * pixels.Width) + left, Side).CopyTo(values.AsSpan(to));
                    }
                }
            }
        }

        return picture with { Pixels = [new Pixels(1, rows * columns, width, values)], PatchGrid = (1, rows, columns) };
    }
}
