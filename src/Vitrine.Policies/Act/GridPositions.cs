using static TorchSharp.torch;

namespace Vitrine.Policies.Act;

/// <summary>Positions of the cells of a feature map, as sines and cosines of their row and column (lerobot, modeling_act.py; Carion et al. 2020).</summary>
internal static class GridPositions
{
    private const float Temperature = 10000, Guard = 1e-6f;

    /// <summary>Row by row; rows and columns count from 1 and are stretched to 2 pi.</summary>
    /// <returns>(1, rows x columns, width): the first half of the row, the second of the column; owned by the caller's scope.</returns>
    public static Tensor Of(int rows, int columns, int width, ScalarType dtype, Device device)
    {
        var half = width / 2;
        var waves = pow(tensor(Temperature), arange(half).to(float32).div(tensor(2f)).floor() * tensor(2f) / tensor((float)half));
        var down = Waves(rows).view(rows, 1, half).expand(rows, columns, half);
        var across = Waves(columns).view(1, columns, half).expand(rows, columns, half);
        return cat([down, across], -1).reshape(1, rows * columns, width).to(dtype, device);

        Tensor Waves(int count)
        {
            var places = arange(1, count + 1).to(float32) / tensor(count + Guard) * tensor((float)(2 * Math.PI));
            var angles = places.unsqueeze(-1) / waves;                                                     // (count, half)
            var (even, odd) = (angles.slice(1, 0, half, 2).sin(), angles.slice(1, 1, half, 2).cos());
            return stack([even, odd], -1).flatten(1);
        }
    }
}
