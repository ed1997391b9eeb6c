using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Tabletop;

/// <summary>Draws the table as its camera sees it: 64 x 64 pixels, centres at .5, anti-aliased by signed distances, in doubles throughout.</summary>
public static class TabletopRenderer
{
    /// <summary>Pixels in a row, and rows.</summary>
    public const int Size = 64;

    /// <summary>Standard deviation of the sensor noise with which the shipped policy was trained.</summary>
    public const double SensorNoise = .015;

    private const int WallRows = 24;
    private static readonly (double R, double G, double B) Table = (.76, .71, .63), Shadow = (.12, .12, .14), Stem = (.25, .25, .28), Hand = (.10, .10, .12),
        Occluder = (.45, .45, .45);

    /// <summary>Draws a state.</summary>
    /// <param name="state">What to draw.</param>
    /// <param name="noise">Where sensor noise is drawn from; null for none.</param>
    /// <param name="sigma">Standard deviation of the noise, added before values are clipped and rounded.</param>
    public static Picture Render(TabletopState state, RandomStream? noise = null, double sigma = SensorNoise)
        => Render(state, TabletopView.Plain, noise, sigma);

    /// <summary>Draws a state through a camera that stands elsewhere, or behind something.</summary>
    internal static Picture Render(TabletopState state, TabletopView view, RandomStream? noise = null, double sigma = SensorNoise)
    {
        ArgumentNullException.ThrowIfNull(state);
        var image = new double[Size * Size * 3];                                          // row by row, R G B
        DrawTable(image, state.Light, view);
        DrawShadow(image, state.Gripper, view);
        foreach (var index in Enumerable.Range(0, state.Objects.Count).OrderBy(i => i == state.Held).ThenByDescending(i => state.Objects[i].Position.Y))
        {
            DrawObject(image, state.Objects[index], view);
        }

        DrawGripper(image, state, view);
        if (view.Hidden is { } hidden)
        {
            DrawRectangle(image, hidden.Left + (hidden.Side / 2), hidden.Top + (hidden.Side / 2), hidden.Side / 2, hidden.Side / 2, Occluder);
        }

        var rgb = new byte[image.Length];
        for (var i = 0; i < rgb.Length; i++)
        {
            var value = image[i] * state.Light.Gain;
            if (noise is not null)
            {
                value += sigma * noise.Gaussian();
            }

            rgb[i] = (byte)Math.Floor((255 * Math.Clamp(value, 0, 1)) + .5);
        }

        return new Picture(Size, Size, rgb);
    }

    /// <summary>Where a place appears: u to the right, v downwards, in pixels.</summary>
    /// <param name="at">A place of the table.</param>
    /// <returns>Column and row in pixels, from the upper left.</returns>
    public static (double U, double V) Project(Position at) => (6 + (52 * at.X), 58 - (30 * at.Y) - (22 * at.Z));

    /// <summary>Where a place appears, in shares of the picture's width and height, from the upper left.</summary>
    /// <param name="at">A place of the table.</param>
    /// <param name="options">Of the world whose camera sees it; null for one that stands where it usually does.</param>
    public static (double X, double Y) InPicture(Position at, TabletopOptions? options = null)
    {
        var (u, v) = (options is null ? TabletopView.Plain : TabletopView.Of(options, layout: null)).Project(at);
        return (u / Size, v / Size);
    }

    private static void DrawTable(double[] image, TableLight light, TabletopView view)
    {
        for (var i = 0; i < Size * Size; i++)
        {
            var shade = (i / Size) - view.Down < WallRows ? .80 : 1;
            image[3 * i] = (Table.R + light.Red) * shade;
            image[(3 * i) + 1] = (Table.G + light.Green) * shade;
            image[(3 * i) + 2] = (Table.B + light.Blue) * shade;
        }
    }

    /// <summary>The rectangle that an object covers in the picture, in pixels from the upper left.</summary>
    public static (double Left, double Top, double Width, double Height) BoundsOf(TabletopObject item)
    {
        ArgumentNullException.ThrowIfNull(item);
        var (s, (u, v)) = (item.HalfSize, Project(item.Position));
        return (u - s, v - (1.6 * s), 2 * s, 2.1 * s);
    }

    /// <summary>The rectangle that the gripper's fingers and palm cover in the picture, in pixels from the upper left.</summary>
    public static (double Left, double Top, double Width, double Height) BoundsOfGripper(TabletopState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var (u, v) = Project(state.Gripper);
        var reach = Gap(state) + 1.2;
        return (u - reach, v - 8.3, 2 * reach, 9.3);
    }

    private static double Gap(TabletopState state) => state.Open ? 5.0 : 2.2;

    private static void DrawShadow(double[] image, Position gripper, TabletopView view)
    {
        var (u, v) = view.Project(gripper with { Z = 0 });
        Paint(image, u, v, reach: 8, (x, y) =>
        {
            var q = Math.Sqrt((x / 5 * (x / 5)) + (y / 2.6 * (y / 2.6)));
            return (.55 * Math.Clamp(((1 - q) * 2.6) + .5, 0, 1), Shadow);
        });
    }

    private static void DrawObject(double[] image, TabletopObject item, TabletopView view)
    {
        var s = item.HalfSize;
        var (u, v) = view.Project(item.Position);
        var (r, g, b) = ColourOf(item.Colour);
        Paint(image, u, v - (s / 2), reach: (2 * s) + 2, (x, y) =>
        {
            var distance = item.Shape switch
            {
                ObjectShape.Cube => Math.Max(Math.Abs(x), Math.Abs(y)) - (.88 * s),
                ObjectShape.Ball => Math.Sqrt((x * x) + (y * y)) - s,
                _ => Math.Max(y - (.9 * s), (.894 * Math.Abs(x)) - (.447 * (y + (1.1 * s)))),
            };
            var shade = 1 - (.22 * Math.Clamp((x + y) / (2 * s), -1, 1));
            return (Coverage(distance), (r * shade, g * shade, b * shade));
        });
    }

    private static void DrawGripper(double[] image, TabletopState state, TabletopView view)
    {
        var (u, v) = view.Project(state.Gripper);
        var gap = Gap(state);
        DrawRectangle(image, u, v - 13, 1.2, 5.5, Stem);
        DrawRectangle(image, u, v - 7, gap + 1.2, 1.3, Hand);
        DrawRectangle(image, u - gap, v - 3, 1.0, 4.0, Hand);
        DrawRectangle(image, u + gap, v - 3, 1.0, 4.0, Hand);
    }

    private static void DrawRectangle(double[] image, double u, double v, double halfWidth, double halfHeight, (double R, double G, double B) colour)
        => Paint(image, u, v, Math.Max(halfWidth, halfHeight) + 1,
            (x, y) => (Coverage(Math.Max(Math.Abs(x) - halfWidth, Math.Abs(y) - halfHeight)), colour));

    private static double Coverage(double signedDistance) => Math.Clamp(.5 - signedDistance, 0, 1);

    private static (double R, double G, double B) ColourOf(ObjectColour colour) => colour switch
    {
        ObjectColour.Red => (.86, .14, .14),
        ObjectColour.Green => (.13, .68, .20),
        ObjectColour.Blue => (.15, .30, .90),
        ObjectColour.Yellow => (.95, .84, .12),
        _ => (.62, .20, .75),
    };

    /// <summary>Blends something over the picture; <paramref name="reach"/> bounds how far from its centre (u, v) it covers anything.</summary>
    private static void Paint(
        double[] image, double u, double v, double reach, Func<double, double, (double Alpha, (double R, double G, double B) Colour)> brush)
    {
        var (left, right) = (Math.Max(0, (int)Math.Floor(u - reach)), Math.Min(Size - 1, (int)Math.Ceiling(u + reach)));
        var (top, bottom) = (Math.Max(0, (int)Math.Floor(v - reach)), Math.Min(Size - 1, (int)Math.Ceiling(v + reach)));
        for (var row = top; row <= bottom; row++)
        {
            for (var column = left; column <= right; column++)
            {
                var (alpha, colour) = brush(column + .5 - u, row + .5 - v);
                var at = 3 * ((row * Size) + column);
                image[at] = (colour.R * alpha) + ((1 - alpha) * image[at]);
                image[at + 1] = (colour.G * alpha) + ((1 - alpha) * image[at + 1]);
                image[at + 2] = (colour.B * alpha) + ((1 - alpha) * image[at + 2]);
            }
        }
    }
}
