using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Who looks: the class token, a register, a patch, or all patches, whose attention is averaged.</summary>
/// <param name="Name">As people write it.</param>
/// <param name="Tokens">The tokens that look.</param>
public sealed partial record PictureQuery(string Name, IReadOnlyList<int> Tokens)
{
    /// <summary>Every patch.</summary>
    public static PictureQuery Mean(PictureTokens tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return new("mean of patches", [.. Enumerable.Range(tokens.Prefix.Count, tokens.Patches)]);
    }

    /// <summary>Reads <c>class</c>, <c>register:K</c>, <c>patch:ROW,COLUMN</c> or <c>mean</c>.</summary>
    /// <param name="text">Null for the class token, or the mean of patches where there is none.</param>
    /// <param name="tokens">Of the picture.</param>
    /// <exception cref="VitrineException">There is no such token; what there is, is named.</exception>
    public static PictureQuery Parse(string? text, PictureTokens tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (text is null)
        {
            return tokens.Prefix.Count > 0 ? new(tokens.Prefix[0], [0]) : Mean(tokens);
        }

        if (text == "mean")
        {
            return Mean(tokens);
        }

        var token = Form().Match(text) switch
        {
            { Success: true } m when m.Groups["row"].Success => Patch(m, tokens),
            { Success: true } => tokens.Prefix.ToList().IndexOf(text.Replace(':', ' ')),
            _ => -1,
        };
        return token >= 0 ? new(tokens.Name(token), [token]) : throw new VitrineException($"query '{text}': this picture has {QueriesOf(tokens)}.");
    }

    private static int Patch(Match m, PictureTokens tokens)
        => int.TryParse(m.Groups["row"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var row) && row < tokens.Rows
            && int.TryParse(m.Groups["column"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var column) && column < tokens.Columns
            ? tokens.Prefix.Count + (row * tokens.Columns) + column
            : -1;

    private static string QueriesOf(PictureTokens tokens)
        => string.Join(", ",
            [.. tokens.Prefix.Select(p => p.Replace(' ', ':')), FormattableString.Invariant($"patch:0,0 to patch:{tokens.Rows - 1},{tokens.Columns - 1}"),
                "mean"]);

    [GeneratedRegex("^(class|register:[0-9]{1,9}|patch:(?<row>[0-9]{1,9}),(?<column>[0-9]{1,9}))$")]
    private static partial Regex Form();
}
