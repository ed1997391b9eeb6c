using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>From generated tokens and their logits to actions.</summary>
internal static class ActionReading
{
    /// <param name="ids">[row][dimension].</param>
    /// <param name="logits">(B,dimensions,V) that the ids were taken from.</param>
    /// <param name="code">Of the checkpoint.</param>
    /// <param name="units">Whose units to answer in.</param>
    public static PolicyAction[] Of(int[][] ids, Tensor logits, ActionTokens code, ActionStatistics units)
    {
        using var scope = NewDisposeScope();
        var wide = logits.detach().to(float64).cpu();
        var probabilities = wide.softmax(-1);                                                              // (B, D, V)
        var chosen = probabilities.gather(-1, TokenIds.Matrix(ids).unsqueeze(-1)).squeeze(-1).data<double>().ToArray();
        var actions = wide.narrow(-1, code.FirstId, code.Count).softmax(-1);                               // among action tokens
        var centres = tensor(Enumerable.Range(0, code.Count).Select(i => code.Centre(code.FirstId + i)).ToArray());
        var expected = (actions * centres).sum(-1).data<double>().ToArray();
        var entropy = special.entr(actions).sum(-1).data<double>().ToArray();
        var size = units.Dimensions;
        return
        [
            .. ids.Select((row, r) => new PolicyAction([[.. row.Select(code.Centre)]], [[.. row.Select((id, d) => units.Unnormalise(d, code.Centre(id)))]])
            {
                Tokens = new TokenReading(
                    row,
                    [.. row.Select(code.Bin)],
                    [.. Enumerable.Range(0, size).Select(d => units.Unnormalise(d, expected[(r * size) + d]))],
                    entropy[(r * size)..((r + 1) * size)],
                    chosen[(r * size)..((r + 1) * size)],
                    [.. row.Select(code.IsAction)]),
            }),
        ];
    }
}
