namespace Vitrine.Inputs.Pictures;

/// <summary>One named step of a recipe.</summary>
public interface IPictureStep
{
    /// <summary>What it does, as a person would read it.</summary>
    string Describe(ResizeEngine engine);

    /// <summary>Does it.</summary>
    /// <param name="picture">What the steps before made.</param>
    /// <param name="engine">Whose arithmetic 8-bit resizing follows.</param>
    /// <exception cref="VitrineException">The picture is none that the step can take.</exception>
    Preparation Apply(Preparation picture, ResizeEngine engine);
}

/// <summary>A step that makes one 8-bit picture of another.</summary>
public abstract record PictureStep : IPictureStep
{
    /// <inheritdoc/>
    public abstract string Describe(ResizeEngine engine);

    /// <inheritdoc/>
    public Preparation Apply(Preparation picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return picture with { Frames = [.. picture.Frames.Select(f => Apply(f, engine))] };
    }

    /// <summary>The same for one picture.</summary>
    public abstract Picture Apply(Picture picture, ResizeEngine engine);

    /// <summary>How the antialiased filters are named.</summary>
    private protected static string Named(ResampleFilter filter, ResizeEngine engine)
#pragma warning disable CA1308 // For people.
        => $"{filter.ToString().ToLowerInvariant()}, antialiased, 8-bit ({engine})";
#pragma warning restore CA1308
}
