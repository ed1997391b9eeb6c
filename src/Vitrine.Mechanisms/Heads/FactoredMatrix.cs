using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Heads;

/// <summary>A matrix M = A B of low rank that is never formed: A (n,r), B (r,m).</summary>
/// <remarks>
/// Everything is read off r x r matrices: the eigenvalues of A B that are not zero are those of B A; singular values come from two QR decompositions.
/// </remarks>
/// <param name="Left">A (n,r), owned by the matrix.</param>
/// <param name="Right">B (r,m), owned by the matrix.</param>
public sealed record FactoredMatrix(Tensor Left, Tensor Right) : IDisposable
{
    /// <summary>r.</summary>
    public int Rank => (int)Left.shape[1];

    /// <summary>Rows of M.</summary>
    public long Rows => Left.shape[0];

    /// <summary>Columns of M.</summary>
    public long Columns => Right.shape[1];

    /// <summary>M transposed, its factors owned by the caller.</summary>
    public FactoredMatrix Transposed() => new(Right.t().contiguous(), Left.t().contiguous());

    /// <summary>A M B for matrices on either side, factors owned by the caller.</summary>
    /// <param name="before">(k,n), or null for none.</param>
    /// <param name="behind">(m,k), or null for none.</param>
    public FactoredMatrix Between(Tensor? before, Tensor? behind)
    {
        using var mode = no_grad();
        return new FactoredMatrix(before is null ? Left.clone() : before.matmul(Left), behind is null ? Right.clone() : Right.matmul(behind));
    }

    /// <summary>The matrix itself (n,m), for tests and small models; owned by the caller.</summary>
    public Tensor Product() => Left.matmul(Right);

    /// <summary>The sum of the diagonal, of a square matrix.</summary>
    public double Trace()
    {
        using var scope = NewDisposeScope();
        return (Left * Right.t()).to(float64).sum().item<double>();
    }

    /// <summary>The diagonal, of a square matrix (n), owned by the caller.</summary>
    public Tensor Diagonal() => (Left * Right.t()).sum(1L);

    /// <summary>The Frobenius norm.</summary>
    public double Norm()
    {
        using var scope = NewDisposeScope();
        return Math.Sqrt(Math.Max(0, (Gram(Left) * Outer(Right)).sum().item<double>()));
    }

    /// <summary>The r eigenvalues that may differ from zero, of a square matrix, largest magnitude first.</summary>
    public IReadOnlyList<System.Numerics.Complex> Eigenvalues()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var values = linalg.eigvals(Right.to(float64).matmul(Left.to(float64)));
        return
        [
            .. values.real.cpu().data<double>().ToArray().Zip(values.imag.cpu().data<double>().ToArray(), (re, im) => new System.Numerics.Complex(re, im))
                .OrderByDescending(v => v.Magnitude),
        ];
    }

    /// <summary>Sum of the eigenvalues over the sum of their magnitudes, from -1 to 1.</summary>
    /// <remarks>Of W_E W_V W_O W_U the copying score: 1 where every direction of tokens is said again (Elhage et al. 2021).</remarks>
    public double EigenvalueScore()
    {
        var values = Eigenvalues();
        return values.Sum(v => v.Real) / Math.Max(values.Sum(v => v.Magnitude), double.Epsilon);
    }

    /// <summary>M = U diag(S) V^T with r columns, each pair signed so that the entry of U that is largest in size is positive; owned by the caller.</summary>
    public (Tensor U, Tensor S, Tensor V) Decomposed()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (left, inner) = linalg.qr(Left.to(float64));                                                   // (n, r), (r, r)
        var (right, other) = linalg.qr(Right.to(float64).t());                                             // (m, r), (r, r)
        var (u, s, vh) = linalg.svd(inner.matmul(other.t()), fullMatrices: false);
        var (whole, across) = (left.matmul(u), right.matmul(vh.t()));
        var sign = whole.gather(0, whole.abs().argmax(0, keepdim: true)).sign();                           // (1, r)
        return ((whole * sign).to(Left.dtype).MoveToOuterDisposeScope(), s.to(Left.dtype).MoveToOuterDisposeScope(),
            (across * sign).to(Left.dtype).MoveToOuterDisposeScope());
    }

    /// <summary>The largest entries of M, found block by block of its rows.</summary>
    /// <param name="count">How many.</param>
    /// <param name="rows">Rows to look in; all when null.</param>
    /// <param name="cancellation">Stops between blocks.</param>
    /// <returns>Row, column and value, largest first; equal ones by row and column.</returns>
    public IReadOnlyList<(long Row, long Column, double Value)> Largest(int count, IReadOnlyList<long>? rows = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        const int Block = 512;
        using var mode = no_grad();
        var best = new List<(long Row, long Column, double Value)>();
        long[] asked = rows is null ? [.. Enumerable.Range(0, (int)Rows).Select(i => (long)i)] : [.. rows];
        foreach (var block in asked.Chunk(Block))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var entries = Left.index_select(0, tensor(block, device: Left.device)).matmul(Right);          // (b, m)
            var (values, places) = entries.flatten().topk((int)Math.Min(count, entries.numel()));
            var (numbers, at) = (values.Flat(), places.cpu().data<long>().ToArray());
            best.AddRange(numbers.Select((v, i) => (block[at[i] / Columns], at[i] % Columns, (double)v)));
            best = [.. best.OrderByDescending(b => b.Value).ThenBy(b => b.Row).ThenBy(b => b.Column).Take(count)];
        }

        return best;
    }

    /// <summary>||M N|| / (||M|| ||N||), Frobenius, from r x r matrices alone.</summary>
    /// <param name="behind">N; as many rows as M has columns.</param>
    public double Composition(FactoredMatrix behind)
    {
        ArgumentNullException.ThrowIfNull(behind);
        using var scope = NewDisposeScope();
        var middle = Right.to(float64).matmul(behind.Left.to(float64));                                    // (r, r')
        var square = (Gram(Left).matmul(middle).matmul(Outer(behind.Right)) * middle).sum().item<double>();
        return Math.Sqrt(Math.Max(0, square)) / Math.Max(Norm() * behind.Norm(), double.Epsilon);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    private static Tensor Gram(Tensor a) => a.to(float64).t().matmul(a.to(float64));

    private static Tensor Outer(Tensor b) => b.to(float64).matmul(b.to(float64).t());
}
