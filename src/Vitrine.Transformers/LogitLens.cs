using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>
/// The logit lens: what a model would say if it stopped behind each block. The residual there goes through the final norm and the head, as the last one does.
/// </summary>
/// <remarks>nostalgebraist 2020. Behind the last block it is the model's own answer, soft cap included.</remarks>
public sealed class LogitLens
{
    private readonly TokenLogit[][][][] said;                                              // [layer][row][position][rank]

    private LogitLens(TokenLogit[][][][] said) => this.said = said;

    /// <summary>Blocks.</summary>
    public int Layers => said.Length;

    /// <summary>Rows of the batch.</summary>
    public int Rows => said[0].Length;

    /// <summary>Columns of the batch, padding included.</summary>
    public int Positions => said[0][0].Length;

    /// <summary>The most likely next tokens, largest logit first, equal ones by id.</summary>
    /// <param name="layer">Behind this block, from 0.</param>
    /// <param name="position">Column of the batch, from 0; negative ones count from the end.</param>
    /// <param name="row">Of the batch.</param>
    /// <exception cref="VitrineException">There is no such layer, position or row.</exception>
    public IReadOnlyList<TokenLogit> this[int layer, int position = -1, int row = 0]
    {
        get
        {
            var column = position < 0 ? position + Positions : position;
            return layer >= 0 && layer < Layers && row >= 0 && row < Rows && column >= 0 && column < Positions
                ? said[layer][row][column]
                : throw new VitrineException(
                    $"logit lens: layer {layer}, position {position}, row {row}; there are {Layers} layers, {Positions} positions and {Rows} rows.");
        }
    }

    /// <summary>Reads the residuals of a run that captured them: <c>STACK.*.resid_post</c>.</summary>
    /// <param name="decoder">Whose blocks, norm and head; of a policy <c>policy.Language</c>.</param>
    /// <param name="run">Stays the caller's.</param>
    /// <param name="print">A token as people read it.</param>
    /// <param name="count">Tokens to keep at each place.</param>
    /// <exception cref="VitrineException">The stack has no vocabulary, or a residual was not captured.</exception>
    public static LogitLens Of(Decoder decoder, Run run, Func<int, string> print, int count = 5)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(print);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return new LogitLens([.. Enumerable.Range(0, decoder.Shape.Layers).Select(layer => Behind(layer, decoder, run, print, count))]);
    }

    /// <summary>The addresses that <see cref="Of"/> reads.</summary>
    internal static string Needs(StackShape shape) => $"{shape.Name}.*.{Point.ResidPost}";

    private static TokenLogit[][][] Behind(int layer, Decoder decoder, Run run, Func<int, string> print, int count)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var logits = decoder.Spoken(run[$"{decoder.Shape.Name}.{layer}.{Point.ResidPost}"]);               // (B, T, V)
        return [.. Enumerable.Range(0, (int)logits.shape[0]).Select(row => Enumerable.Range(0, (int)logits.shape[1]).Select(column =>
            Answer.Of(logits[row, column], ClassScores.OneOfMany, count).Select(a => new TokenLogit(a.Id, print(a.Id), a.Logit, a.Probability)).ToArray())
            .ToArray())];
    }
}
