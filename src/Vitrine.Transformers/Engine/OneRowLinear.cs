namespace Vitrine.Transformers.Engine;

/// <summary>A linear layer over memory, for one row: products in pieces of rows, then the bias.</summary>
internal sealed unsafe class OneRowLinear
{
    private readonly IRowProduct product;
    private readonly nint bias;

    private OneRowLinear(Linear linear, IRowProduct product)
    {
        (this.product, Outputs, Inputs) = (product, (int)linear.Outputs, (int)linear.Inputs);
        bias = linear.Bias is { } added ? (nint)RowMath.At(added) : 0;
    }

    public int Outputs { get; }

    public int Inputs { get; }

    /// <summary>Rows that a piece holds a multiple of.</summary>
    public int Together => product.Together;

    /// <summary>Null where the weights do not lie so that memory can be read.</summary>
    public static OneRowLinear? Of(Linear linear)
        => linear.Dtype == TorchSharp.torch.ScalarType.Float32 && linear.OneRow is { } product ? new(linear, product) : null;

    /// <summary>The product of some rows, as they are stored; they are written at the model's places, which are the same rows of whole pieces.</summary>
    public void Rows(float* x, float* y, int from, int to) => product.Rows(x, y, from, to);

    public void AddBias(float* y)
    {
        if (bias != 0)
        {
            RowMath.Add(y, (float*)bias, Outputs);
        }
    }
}

/// <summary>Layers that read the same vector, in pieces for a team.</summary>
internal sealed unsafe class ProductWork : SharedWork
{
    /// <summary>Weights of the smallest piece: some microseconds.</summary>
    private const int PieceWeights = 1 << 14;

    /// <summary>Weights from which a second core is called.</summary>
    private const long WorthHelpers = 1 << 17;

    private readonly OneRowLinear[] layers;
    private readonly Piece[] pieces;
    private readonly float* x;
    private readonly nint[] results;
    private readonly nint[] scratch;
    private readonly bool isWorthIt;

    /// <param name="layers">Layers.</param>
    /// <param name="results">Where each writes its outputs.</param>
    /// <param name="x">What they read.</param>
    /// <param name="scratch">Of each helper, as long as the longest output.</param>
    public ProductWork(OneRowLinear[] layers, nint[] results, nint x, nint[] scratch)
    {
        (this.layers, this.results, this.scratch) = (layers, results, scratch);
        this.x = (float*)x;
        pieces = [.. Pieces(scratch.Length + 1).Reverse()];                                                // a team takes the last first
        isWorthIt = layers.Sum(l => (long)l.Inputs * l.Outputs) >= WorthHelpers;
    }

    /// <summary>Where a layer writes from now on.</summary>
    public void Into(int layer, float* result) => results[layer] = (nint)result;

    /// <summary>All products, then the biases.</summary>
    public void Run(CoreTeam? team)
    {
        if (team is not null && isWorthIt && pieces.Length <= CoreTeam.MostPieces)
        {
            team.Run(this, pieces.Length);
        }
        else
        {
            for (var i = 0; i < layers.Length; i++)
            {
                layers[i].Rows(x, (float*)results[i], 0, layers[i].Outputs);
            }
        }

        for (var i = 0; i < layers.Length; i++)
        {
            layers[i].AddBias((float*)results[i]);
        }
    }

    public override void Do(int piece)
    {
        var (layer, from, to) = pieces[piece];
        layers[layer].Rows(x, (float*)results[layer], from, to);
    }

    public override void Try(int piece, int helper)
    {
        var (layer, from, to) = pieces[piece];
        layers[layer].Rows(x, (float*)scratch[helper], from, to);
    }

    public override void Put(int piece, int helper)
    {
        var (layer, from, to) = pieces[piece];
        new Span<float>((float*)scratch[helper] + from, to - from).CopyTo(new Span<float>((float*)results[layer] + from, to - from));
    }

    /// <summary>Large pieces first and ever smaller ones: few are taken, and all end together.</summary>
    private IEnumerable<Piece> Pieces(int threads)
    {
        var left = layers.Sum(l => (long)l.Inputs * l.Outputs);
        foreach (var (i, layer) in layers.Index())
        {
            for (var from = 0; from < layer.Outputs;)
            {
                var weights = Math.Max(PieceWeights, left / (2 * threads));
                var to = (int)Math.Min(layer.Outputs, from + (long)Rounded((int)Math.Max(1, weights / layer.Inputs), Math.Max(4, layer.Together)));
                yield return new Piece(i, from, to);
                left -= (long)(to - from) * layer.Inputs;
                from = to;
            }
        }
    }

    private static int Rounded(int rows, int together) => (rows + together - 1) / together * together;

    /// <summary>Some rows of a layer.</summary>
    /// <remarks>A class: generic code of the runtime's is compiled anew, at every start, for each value type that it is used with.</remarks>
    private sealed record Piece(int Layer, int From, int To);
}
