using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// Idefics3 and SmolVLM: every tile behind a token of its row and column, each row of tiles ended by a line break, then the whole picture (transformers,
/// processing_smolvlm.py).
/// </summary>
internal sealed class TilePlacing : PicturePlacing
{
    private const string Fence = "<fake_token_around_image>", Whole = "<global-img>";

    public override string Text(string prompt, IReadOnlyList<Preparation> pictures, IReadOnlyList<int> tokens, string placeholder, Tokenizer tokenizer)
        => Joined(Around(prompt, pictures.Count, placeholder), i => Shown(pictures[i].Tiles, Repeated(placeholder, tokens[i])));

    private static string Shown((int Rows, int Columns) tiles, string frame)
    {
        var rows = Enumerable.Range(1, tiles.Rows)
            .Select(r => string.Concat(Enumerable.Range(1, tiles.Columns).Select(c => $"{Fence}<row_{r}_col_{c}>{frame}")) + "\n");
        return $"{string.Concat(rows)}{(tiles.Rows > 0 ? "\n" : "")}{Fence}{Whole}{frame}{Fence}";
    }
}
