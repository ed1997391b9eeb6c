namespace Vitrine.Worlds.Tabletop;

/// <summary>How the camera of one layout sees.</summary>
/// <param name="Right">Pixels by which everything moves to the right.</param>
/// <param name="Down">Pixels by which everything moves down.</param>
/// <param name="Hidden">The square in front of it, in pixels from the upper left; null for none.</param>
internal sealed record TabletopView(double Right, double Down, (double Left, double Top, double Side)? Hidden)
{
    /// <summary>As the policies were trained.</summary>
    public static TabletopView Plain { get; } = new(0, 0, null);

    /// <param name="options">Of the world.</param>
    /// <param name="layout">Decides where the square stands; null for no square.</param>
    public static TabletopView Of(TabletopOptions options, LayoutKey? layout)
    {
        if (options.Occlusion <= 0 || layout is null)
        {
            return Plain with { Right = options.CameraX, Down = options.CameraY };
        }

        var side = TabletopRenderer.Size * Math.Sqrt(options.Occlusion);
        var (random, room) = (layout.Random("occlusion"), TabletopRenderer.Size - side);
        return new(options.CameraX, options.CameraY, (random.Uniform(0, room), random.Uniform(0, room), side));
    }

    /// <summary>Where a place appears, in pixels from the upper left.</summary>
    public (double U, double V) Project(Position at)
    {
        var (u, v) = TabletopRenderer.Project(at);
        return (u + Right, v + Down);
    }

    /// <summary>A rectangle of the usual camera, in this one.</summary>
    public (double Left, double Top, double Width, double Height) Moved((double Left, double Top, double Width, double Height) bounds)
        => bounds with { Left = bounds.Left + Right, Top = bounds.Top + Down };
}
