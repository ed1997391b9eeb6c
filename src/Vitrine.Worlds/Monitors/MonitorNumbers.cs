using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Monitors;

/// <summary>The numbers of a monitor.</summary>
/// <param name="Mean">[d]: taken off first.</param>
/// <param name="Scale">[d]: divided by.</param>
/// <param name="Rows">[k][d]: the probe's weights, or unit directions of largest variance.</param>
/// <param name="Variances">[k]: along the directions; unused by a probe.</param>
/// <param name="Rest">The probe's intercept, or the variance along every other direction.</param>
internal sealed record MonitorNumbers(double[] Mean, double[] Scale, double[][] Rows, double[] Variances, double Rest)
{
    private const string MeanName = "mean", ScaleName = "scale", RowsName = "rows", VariancesName = "variances", RestName = "rest";

    public int Width => Mean.Length;

    public double Score(ReadOnlySpan<float> x, MonitorKind kind)
    {
        var u = new double[Width];
        for (var i = 0; i < u.Length; i++)
        {
            u[i] = (x[i] - Mean[i]) / Scale[i];
        }

        if (kind == MonitorKind.Probe)
        {
            return Dot(Rows[0], u) + Rest;
        }

        var (inside, squares) = (0.0, 0.0);
        for (var k = 0; k < Rows.Length; k++)
        {
            var along = Dot(Rows[k], u);
            inside += along * along;
            squares += along * along / Variances[k];
        }

        return Math.Sqrt((squares + (Math.Max(0, Dot(u, u) - inside) / Rest)) / Width);
    }

    public static MonitorNumbers Load(string path)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(path);
        var (mean, scale, rows) = (file.Read(MeanName), file.Read(ScaleName), file.Read(RowsName));
        var (variances, rest) = (file.Read(VariancesName), file.Read(RestName));
        var found = new MonitorNumbers(
            Row(mean), Row(scale), rows.dim() == 2 ? [.. rows.unbind(0).Select(Row)] : [], Row(variances),
            rest.numel() == 1 ? Row(rest.reshape(1))[0] : double.NaN);
        return mean.dim() == 1 && scale.numel() == mean.numel() && rows.dim() == 2 && rows.shape[1] == mean.numel() && rows.shape[0] == variances.numel()
            && rows.shape[0] > 0 && found.Numbers().All(double.IsFinite) && found.Scale.All(v => v > 0)
            ? found
            : throw new VitrineException($"{path}: {MeanName} [{Shape(mean)}], {ScaleName} [{Shape(scale)}], {RowsName} [{Shape(rows)}], {VariancesName} "
                + $"[{Shape(variances)}], {RestName} [{Shape(rest)}]; expected [d], [d], [k, d], [k] and one number, all finite.");

        static string Shape(Tensor t) => string.Join(", ", t.shape);

        static double[] Row(Tensor values) => values.to(float64).contiguous().data<double>().ToArray();
    }

    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        SafetensorsFile.Save(path, new Dictionary<string, Tensor>
        {
            [MeanName] = tensor(Mean),
            [ScaleName] = tensor(Scale),
            [RowsName] = tensor([.. Rows.SelectMany(r => r)], [Rows.Length, Width]),
            [VariancesName] = tensor(Variances),
            [RestName] = tensor(new[] { Rest }),
        });
    }

    private IEnumerable<double> Numbers() => Mean.Concat(Scale).Concat(Rows.SelectMany(r => r)).Concat(Variances).Append(Rest);

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
