using Vitrine.Policies.OpenVla;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>
/// The matrix products of one act, alone: with weights of the same shapes in float32 for passes over many tokens, with the model's own for single tokens.
/// </summary>
internal sealed class ActProducts(OpenVlaSizes sizes, int tokens, int dimensions)
{
    private sealed record Product(int Rows, int Inputs, int Outputs, int Times);

    public Measured Towers() => Sum(OfTowers(), Multiply);

    public Measured Prefill() => Sum(OfPrefill(), Multiply);

    /// <summary>Bringing every matrix of those passes from bfloat16 to float32 once.</summary>
    public Measured Widening() => Sum([.. OfTowers(), .. OfPrefill()], Widen);

    /// <summary>Every product of the steps behind the prefill, with the weights that the policy has.</summary>
    public Measured Decode(OpenVlaPolicy policy)
    {
        using var mode = no_grad();
        return Measured.Of(() =>
        {
            for (var step = 1; step < dimensions; step++)
            {
                using var scope = NewDisposeScope();
                var (x, neurons) = (randn([1, 1, sizes.Width]), randn([1, 1, sizes.Neurons]));
                foreach (var w in policy.Language.Blocks.Select(b => b.Weights))
                {
                    foreach (var linear in new[] { w.Query, w.Key, w.Value, w.Output, w.Gate!, w.Up })
                    {
                        linear.Apply(x).Dispose();
                    }

                    w.Down.Apply(neurons).Dispose();
                }

                policy.Language.Head!.Apply(x).Dispose();
            }
        });
    }

    private IEnumerable<Product> OfTowers()
    {
        foreach (var (tower, rows) in new[] { (sizes.Dino, sizes.Dino.Patches + sizes.Dino.Registers + 1), (sizes.Siglip, sizes.Siglip.Patches) })
        {
            yield return new(rows, tower.Width, tower.Width, 4 * (tower.Blocks - 1));
            yield return new(rows, tower.Width, tower.Neurons, tower.Blocks - 1);
            yield return new(rows, tower.Neurons, tower.Width, tower.Blocks - 1);
        }

        var vision = sizes.Dino.Width + sizes.Siglip.Width;
        yield return new(sizes.Dino.Patches, vision, 4 * vision, 1);
        yield return new(sizes.Dino.Patches, 4 * vision, sizes.Width, 1);
        yield return new(sizes.Dino.Patches, sizes.Width, sizes.Width, 1);
    }

    private IEnumerable<Product> OfPrefill() =>
    [
        new(tokens, sizes.Width, sizes.Width, 4 * sizes.Layers),
        new(tokens, sizes.Width, sizes.Neurons, 2 * sizes.Layers),
        new(tokens, sizes.Neurons, sizes.Width, sizes.Layers),
    ];

    private static Measured Sum(IEnumerable<Product> products, Func<Product, Action> work)
        => products.Select(p => Once(work(p)) * p.Times).Aggregate(default(Measured), (a, b) => a + b);

    /// <summary>The middle one of five, after one that warms up.</summary>
    private static Measured Once(Action work)
    {
        using var mode = no_grad();
        work();
        return Enumerable.Range(0, 5).Select(_ => Measured.Of(work)).OrderBy(m => m.Processor).ElementAt(2);
    }

    private static Action Multiply(Product product)
    {
        var (x, w) = (randn([product.Rows, product.Inputs]), randn([product.Outputs, product.Inputs]));
        return () => nn.functional.linear(x, w).Dispose();
    }

    private static Action Widen(Product product)
    {
        var w = zeros([product.Outputs, product.Inputs], bfloat16);
        return () => w.to(float32).Dispose();
    }
}
