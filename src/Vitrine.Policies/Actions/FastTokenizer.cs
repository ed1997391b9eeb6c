using System.Text;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Policies.Actions;

/// <summary>FAST: a chunk's cosine transform along time, rounded, written as characters, and those as byte pairs (Pertsch et al. 2025).</summary>
/// <remarks>
/// With C = DCT-II of the actions, orthonormal, along time: q = round(scale C), half to even, then frequency by frequency, dimension by dimension, the
/// character q - min_token, 0 for those below. The byte pairs are those of its <c>tokenizer.json</c>. Source: physical-intelligence/fast,
/// UniversalActionProcessor.
/// </remarks>
public sealed class FastTokenizer
{
    private readonly Tokenizer tokenizer;
    private readonly double scale;
    private readonly int smallest;

    private FastTokenizer(Tokenizer tokenizer, double scale, int smallest) => (this.tokenizer, this.scale, this.smallest) = (tokenizer, scale, smallest);

    /// <summary>Ids that it says.</summary>
    public int VocabularySize => tokenizer.VocabularySize;

    /// <summary>Opens a folder of <c>processor_config.json</c> and <c>tokenizer.json</c>.</summary>
    /// <exception cref="VitrineException">A file is missing or broken, or says what is not computed.</exception>
    public static FastTokenizer Open(string folder)
    {
        var json = ConfigReader.Open(Path.Combine(folder, "processor_config.json"));
        var (scale, smallest) = (json.Number("scale"), json.Whole("min_token"));
        _ = (json.Count("vocab_size", 0), json.Find("action_dim"), json.Find("time_horizon"), json.Find("auto_map"), json.Text("processor_class", ""));
        json.RefuseOthers();
        return scale > 0
            ? new FastTokenizer(Tokenizer.Open(folder), scale, smallest)
            : throw new VitrineException($"{json.Source}: scale is {scale}; expected more than 0.");
    }

    /// <summary>Tokens of a chunk.</summary>
    /// <param name="actions">[control step][dimension], in the units of the network.</param>
    /// <exception cref="VitrineException">The chunk is empty or ragged, or a coefficient is no character.</exception>
    public FastEncoding Encode(IReadOnlyList<IReadOnlyList<double>> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        if (actions.Count == 0 || actions.Any(row => row.Count != actions[0].Count || row.Any(v => !double.IsFinite(v))))
        {
            throw new VitrineException("FAST: a chunk needs at least one row, rows of one length, and finite numbers.");
        }

        var coefficients = Transform(actions).Select(row => row.Select(Rounded).ToArray()).ToArray();
        var text = new StringBuilder();
        var lost = 0;
        foreach (var q in coefficients.SelectMany(row => row))
        {
            lost += q < smallest ? 1 : 0;
            text.Append(Character(Math.Max(q - smallest, 0)));
        }

        var ids = tokenizer.Encode(text.ToString(), addSpecialTokens: false);
        lost += coefficients.Length * actions[0].Count - Characters(ids).Count;
        return new FastEncoding(ids, coefficients, lost);
    }

    /// <summary>The chunk that tokens stand for; what is missing is 0, what is too much is left out, and the result says so.</summary>
    /// <param name="ids">Of the FAST vocabulary.</param>
    /// <param name="horizon">Control steps of a chunk.</param>
    /// <param name="dimensions">Of an action.</param>
    /// <exception cref="VitrineException">An id lies outside the vocabulary, or the bytes of the tokens are no characters.</exception>
    public FastDecoding Decode(IReadOnlyList<int> ids, int horizon, int dimensions)
    {
        ArgumentNullException.ThrowIfNull(ids);
        foreach (var id in ids)
        {
            if (id < 0 || id >= VocabularySize)
            {
                throw new VitrineException($"FAST: token {id} lies outside the vocabulary of {VocabularySize}.");
            }
        }

        var said = Characters(ids);
        if (said.FindIndex(c => c == Rune.ReplacementChar.Value) is >= 0 and var at)
        {
            throw new VitrineException(
                $"FAST: coefficient {at} of the tokens {string.Join(" ", ids)} is cut in the middle of a character; no chunk can be read of them.");
        }

        var (values, expected) = (new double[horizon][], horizon * dimensions);
        for (var row = 0; row < horizon; row++)
        {
            values[row] = [.. Enumerable.Range(row * dimensions, dimensions).Select(i => i < said.Count ? (said[i] + smallest) / scale : 0)];
        }

        return new FastDecoding(Back(values), said.Count, expected);
    }

    private List<int> Characters(IEnumerable<int> ids) => [.. tokenizer.Decode(ids, skipSpecialTokens: false).EnumerateRunes().Select(r => r.Value)];

    private int Rounded(double coefficient) => Math.Round(coefficient * scale, MidpointRounding.ToEven) is var q && Math.Abs(q) < Rune.ReplacementChar.Value
        ? (int)q
        : throw new VitrineException($"FAST: a coefficient of {coefficient} is too large to be a character; are the actions normalised?");

    private static string Character(int code) => Rune.IsValid(code)
        ? new Rune(code).ToString()
        : throw new VitrineException($"FAST: a coefficient would be the character {code}, which is none; are the actions normalised?");

    /// <summary>C_k = s_k sum_n x_n cos(pi (2n + 1) k / 2N), s_0 = sqrt(1/N), else sqrt(2/N): along time, each dimension by itself.</summary>
    private static double[][] Transform(IReadOnlyList<IReadOnlyList<double>> x)
    {
        var count = x.Count;
        return [.. Enumerable.Range(0, count).Select(k => Enumerable.Range(0, x[0].Count)
            .Select(d => Size(k, count) * Enumerable.Range(0, count).Sum(n => x[n][d] * Wave(k, n, count))).ToArray())];
    }

    /// <summary>The inverse: x_n = sum_k s_k C_k cos(pi (2n + 1) k / 2N).</summary>
    private static double[][] Back(double[][] coefficients)
    {
        var count = coefficients.Length;
        return [.. Enumerable.Range(0, count).Select(n => Enumerable.Range(0, coefficients[0].Length)
            .Select(d => Enumerable.Range(0, count).Sum(k => Size(k, count) * coefficients[k][d] * Wave(k, n, count))).ToArray())];
    }

    private static double Size(int k, int count) => Math.Sqrt((k == 0 ? 1.0 : 2.0) / count);

    private static double Wave(int k, int n, int count) => Math.Cos(Math.PI * ((2 * n) + 1) * k / (2.0 * count));
}
