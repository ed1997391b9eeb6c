using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Logistic regression by Newton's method; the steps are found by conjugate gradients, so that no second derivative is written out.</summary>
/// <remarks>
/// Minimises |W|^2 / 2 + C sum_i s_i (ln sum_k exp z_ik - z_iy), z = W x + b, the intercepts unpenalised: scikit-learn's scale of C. Two classes have one row
/// of coefficients, as if the first class's were held at zero. The optimum is unique but for a shift of all intercepts, whose sum is set to zero.
/// </remarks>
internal static class LogisticFit
{
    private const int MostSteps = 200;
    private const double Flat = 1e-9, Rounding = 1e-13;

    /// <param name="features">(n,r).</param>
    /// <param name="labels">Class of each example.</param>
    /// <param name="classes">How many classes.</param>
    /// <param name="c">Weight of the loss against the penalty.</param>
    /// <param name="intercept">Whether there is one.</param>
    /// <param name="balanced">Whether every class weighs the same: n / (classes * its examples).</param>
    /// <returns>(rows,r) and (rows), in the caller's scope.</returns>
    /// <exception cref="VitrineException">It does not converge.</exception>
    public static (Tensor Coefficients, Tensor Intercepts) Fit(Tensor features, IReadOnlyList<int> labels, int classes, double c, bool intercept, bool balanced)
    {
        using var scope = NewDisposeScope();
        var (n, width) = (features.shape[0], features.shape[1]);
        var x = intercept ? cat([features, ones(n, 1, dtype: float64)], 1) : features;                   // (n, p)
        var y = OneHot(labels, classes);
        var counts = Enumerable.Range(0, classes).Select(k => labels.Count(l => l == k)).ToArray();
        var weight = tensor(labels.Select(l => c * (balanced ? n / ((double)classes * counts[l]) : 1)).ToArray()).unsqueeze(1);      // (n, 1)
        var first = classes == 2 ? 1 : 0;
        var rows = classes - first;
        var penalty = cat([ones(width, dtype: float64), zeros(x.shape[1] - width, dtype: float64)]);     // (p)
        var least = tensor(1e-12, dtype: float64);
        var w = zeros(rows, x.shape[1], dtype: float64);
        var (loss, chance) = Loss(w);
        for (var step = 0; step < MostSteps; step++)
        {
            using var inner = NewDisposeScope();
            var gradient = (chance.Minus(y) * weight).narrow(1, first, rows).t().matmul(x).Plus(w * penalty);          // (rows, p)
            if (gradient.abs().max().item<double>() <= Flat * Math.Max(1, c))
            {
                return Result();
            }

            var direction = Solve(chance, -gradient);
            var slope = (gradient * direction).sum().item<double>();
            if (-slope <= Rounding * Math.Max(1, loss))
            {
                w = w.Plus(direction); // what is left to gain is below the loss's digits
                return Result();
            }

            var size = 1.0;
            while (true)
            {
                var next = w.Plus(direction.Times(size));
                var (lower, predicted) = Loss(next);
                if (lower <= loss + (1e-4 * size * slope))
                {
                    (w, loss, chance) = (next.MoveToOuterDisposeScope(), lower, predicted.MoveToOuterDisposeScope());
                    break;
                }

                size /= 2;
                if (size < 1e-10)
                {
                    throw new VitrineException($"logistic probe: no step leads down at C = {c}; scale the examples.");
                }
            }
        }

        throw new VitrineException($"logistic probe: did not converge in {MostSteps} Newton steps at C = {c}; take a smaller C, or scale the examples.");

        (Tensor, Tensor) Result()
        {
            var b = intercept ? w.select(1, width) : zeros(rows, dtype: float64);
            b = classes == 2 ? b : b.Minus(b.mean());
            return (w.narrow(1, 0, width).clone().MoveToOtherDisposeScope(scope).MoveToOuterDisposeScope(),
                b.clone().MoveToOtherDisposeScope(scope).MoveToOuterDisposeScope());
        }

        (double Loss, Tensor Chance) Loss(Tensor at)
        {
            var z = x.matmul(at.t());                                                                     // (n, rows)
            var logits = first == 0 ? z : cat([zeros(n, 1, dtype: float64), z], 1);                      // (n, classes)
            var log = logits.log_softmax(1);
            return ((at * at * penalty).sum().item<double>() / 2 - ((log * y).sum(1, keepdim: true) * weight).sum().item<double>(), log.exp());
        }

        // (H + penalty) d = rhs by conjugate gradients, preconditioned by the diagonal.
        Tensor Solve(Tensor p, Tensor rhs)
        {
            var own = p.narrow(1, first, rows);
            var diagonal = ((own * ones_like(own).Minus(own)) * weight).t().matmul(x * x).Plus(penalty);                      // (rows, p)
            diagonal = diagonal.maximum(least);
            var (d, r) = (zeros_like(rhs), rhs);
            var conditioned = r / diagonal;
            var (q, rho) = (conditioned, (r * conditioned).sum().item<double>());
            var enough = rho * 1e-12;
            for (var i = 0; i < 10 * rhs.numel() && rho > enough; i++)
            {
                var curved = Curvature(q);
                var alpha = rho / (q * curved).sum().item<double>();
                d = d.Plus(q.Times(alpha));
                r = r.Minus(curved.Times(alpha));
                conditioned = r / diagonal;
                var next = (r * conditioned).sum().item<double>();
                q = conditioned.Plus(q.Times(next / rho));
                rho = next;
            }

            return d;

            Tensor Curvature(Tensor v)
            {
                var moved = x.matmul(v.t());                                                              // (n, rows)
                var change = own * moved.Minus((own * moved).sum(1, keepdim: true));
                return (change * weight).t().matmul(x).Plus(v * penalty);
            }
        }
    }

    /// <summary>(n,classes): 1 at each example's class.</summary>
    public static Tensor OneHot(IReadOnlyList<int> labels, int classes)
        => nn.functional.one_hot(tensor(labels.Select(l => (long)l).ToArray()), classes).to(float64);
}
