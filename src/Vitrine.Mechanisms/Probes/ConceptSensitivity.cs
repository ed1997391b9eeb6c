using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Testing with concept activation vectors (TCAV): how often an answer would rise along a concept, beside random concepts.</summary>
/// <param name="Shares">Of every draw of counter-examples: the share of inputs whose answer's derivative along the concept is positive.</param>
/// <param name="RandomShares">The same along vectors between two random halves.</param>
/// <param name="Test">Welch's t test, two-sided, of the two lists (Kim et al. 2018 test them so).</param>
public sealed record ConceptSensitivity(IReadOnlyList<double> Shares, IReadOnlyList<double> RandomShares, TestOutcome Test)
{
    /// <summary>The TCAV score: the mean share.</summary>
    public double Score => Shares.Average();

    /// <summary>Tests a concept at one point.</summary>
    /// <param name="gradients">(n,d): derivative of the answer with respect to the activation, one input a row (<c>Run.GradientsOf</c>).</param>
    /// <param name="concept">(m,d): activations that have the concept.</param>
    /// <param name="pool">(k,d): activations of anything else, at least 2 m.</param>
    /// <param name="draws">Sets of counter-examples, and of random halves.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="recipe">How the vector is fitted; a logistic probe when null.</param>
    /// <remarks>
    /// Every draw takes m counter-examples out of the pool and fits a probe of the concept against them; its direction is the concept's vector. Draws share
    /// the concept's examples, so p tells the concept from random ones, not these examples from others of the concept.
    /// </remarks>
    /// <exception cref="VitrineException">The widths differ, the pool is too small, or the probe tells no classes apart.</exception>
    public static ConceptSensitivity Of(Tensor gradients, Tensor concept, Tensor pool, int draws = 20, ulong seed = 0, ProbeRecipe? recipe = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var slopes = Matrices.Wide(gradients, "TCAV's gradients");
        var (with, others) = (Matrices.Wide(concept, "TCAV's concept", 2), Matrices.Wide(pool, "TCAV's pool"));
        var (m, all) = ((int)with.shape[0], (int)others.shape[0]);
        if (slopes.shape[1] != with.shape[1] || others.shape[1] != with.shape[1] || all < 2 * m || draws < 2)
        {
            throw new VitrineException(
                $"TCAV: gradients {slopes.shape[1]} wide, {m} examples {with.shape[1]} wide, a pool of {all} that are {others.shape[1]} wide, {draws} draws; "
                + "expected one width, a pool of twice the examples, and two draws.");
        }

        recipe ??= new ProbeRecipe();
        var random = new RandomStream($"TCAV/{seed}");
        var (shares, controls) = (new double[draws], new double[draws]);
        for (var draw = 0; draw < draws; draw++)
        {
            using var inner = NewDisposeScope();
            long[] order = random.Shuffled([.. Enumerable.Range(0, all).Select(i => (long)i)]);
            var (first, second) = (others.index_select(0, tensor(order[..m])), others.index_select(0, tensor(order[m..(2 * m)])));
            (shares[draw], controls[draw]) = (Share(with, first), Share(second, first));
        }

        return new(shares, controls, shares.Concat(controls).Distinct().Count() == 1 ? new(0, 1) : TTest.Welch(shares, controls));

        double Share(Tensor positive, Tensor negative)
        {
            int[] labels = [.. Enumerable.Range(0, 2 * m).Select(i => i < m ? 1 : 0)];
            var direction = recipe.Fit(cat([positive, negative]), labels, ["other", "concept"]).Direction();
            return slopes.mv(tensor(direction)).Row().Average(s => s > 0 ? 1.0 : 0);
        }
    }
}
