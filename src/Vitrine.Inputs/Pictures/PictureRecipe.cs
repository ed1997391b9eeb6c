namespace Vitrine.Inputs.Pictures;

/// <summary>How a model wants its pictures: a list of named steps.</summary>
public sealed class PictureRecipe
{
    /// <summary>Puts steps together.</summary>
    /// <param name="sequence">In the order in which they run.</param>
    /// <param name="channels">Channels of the result.</param>
    /// <param name="height">Rows of the result; 0 where they depend on the picture.</param>
    /// <param name="width">Columns of the result; 0 where they depend on the picture.</param>
    public PictureRecipe(IReadOnlyList<IPictureStep> sequence, int channels, int height, int width)
        => (Sequence, Channels, Height, Width) = (sequence, channels, height, width);

    /// <summary>The steps.</summary>
    public IReadOnlyList<IPictureStep> Sequence { get; }

    /// <summary>Channels of the result.</summary>
    public int Channels { get; }

    /// <summary>Rows of the result; 0 where they depend on the picture.</summary>
    public int Height { get; }

    /// <summary>Columns of the result; 0 where they depend on the picture.</summary>
    public int Width { get; }

    /// <summary>Whose arithmetic the 8-bit steps follow.</summary>
    public ResizeEngine Engine { get; init; }

    /// <summary>The steps, as a person would read them.</summary>
    public IReadOnlyList<string> Steps => [.. Sequence.Select(s => s.Describe(Engine))];

    /// <summary>Reads <c>preprocessor_config.json</c> of a folder, or the image processor inside <c>processor_config.json</c>.</summary>
    /// <exception cref="VitrineException">Neither file is there, or one asks for what is not computed; it is named.</exception>
    public static PictureRecipe Open(string folder) => ProcessorConfig.Open(folder).Recipe();

    /// <summary>The same steps by another engine.</summary>
    public PictureRecipe With(ResizeEngine engine) => new(Sequence, Channels, Height, Width) { Engine = engine };

    /// <summary>The same steps in another order of passes.</summary>
    public PictureRecipe With(PassOrder order) => With(order == PassOrder.Pillow13 ? ResizeEngine.Pillow13 : ResizeEngine.Pillow12);

    /// <summary>The same steps behind others, which prepare the picture as an evaluation did; see <see cref="LiberoFrames"/>.</summary>
    public PictureRecipe PrecededBy(params IReadOnlyList<IPictureStep> first) => new([.. first, .. Sequence], Channels, Height, Width) { Engine = Engine };

    /// <summary>
    /// The same recipe with the picture split into tiles, or with the whole picture alone: processors of the Idefics3 kind let the caller choose.
    /// </summary>
    /// <exception cref="VitrineException">The recipe is not of that kind.</exception>
    public PictureRecipe Tiled(bool split)
    {
        var at = Sequence.ToList().FindIndex(s => s is ResizeLongestEdge);
        if (at < 0 || Height <= 0)
        {
            throw new VitrineException($"picture recipe: '{this}' has no tiles to choose.");
        }

        var filter = ((ResizeLongestEdge)Sequence[at]).Filter;
        IEnumerable<IPictureStep> frames = split
            ? [new ResizeToTiles(Height, filter), new SplitIntoTiles(Height, filter)]
            : [new Resize(Width, Height, filter)];
        IPictureStep[] steps = [.. Sequence.Take(at + 1), .. frames, .. Sequence.Skip(at + 1).SkipWhile(s => s is Resize or ResizeToTiles or SplitIntoTiles)];
        return new(steps, Channels, Height, Width) { Engine = Engine };
    }

    /// <summary>Prepares a picture.</summary>
    /// <exception cref="VitrineException">A step refuses it.</exception>
    public Preparation Prepare(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return Sequence.Aggregate(new Preparation { Frames = [picture] }, (state, step) => step.Apply(state, Engine));
    }

    /// <summary>Prepares a picture for a model that takes one frame.</summary>
    /// <returns>Channels x Height x Width numbers, row-major.</returns>
    /// <exception cref="VitrineException">A step refuses the picture, or the recipe makes several frames of it.</exception>
    public float[] Apply(Picture picture)
    {
        var pixels = Prepare(picture).Pixels;
        return pixels.Count == 1
            ? pixels[0].Values
            : throw new VitrineException($"picture recipe: {pixels.Count} frames came of one picture; expected one. Use Prepare.");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join("; ", Steps);
}
