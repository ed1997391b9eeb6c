using System.Globalization;

namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>Combining classes, decompositions and compositions of Unicode 15.</summary>
/// <remarks>
/// .NET's own string.Normalize leaves all but ASCII as it is where InvariantGlobalization is on, as in this project's programs (measured on .NET 10, Linux), so
/// the tables come along.
/// </remarks>
internal sealed class UnicodeForms
{
    private const int HangulFirst = 0xAC00, HangulLast = 0xD7A3, LeadFirst = 0x1100, VowelFirst = 0x1161, TailBefore = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28;
    private static readonly Lazy<UnicodeForms> Shared = new(() => new UnicodeForms());

    private readonly Dictionary<int, byte> classes = [];
    private readonly Dictionary<int, (int[] Parts, bool Canonical)> decompositions = [];
    private readonly Dictionary<(int, int), int> compositions = [];
    private readonly HashSet<int> seconds = [];

    private UnicodeForms()
    {
        using var stream = typeof(UnicodeForms).Assembly.GetManifestResourceStream("UnicodeDecompositions.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var fields = line.Split(';');
            var code = Hex(fields[0]);
            if (fields[1] != "0")
            {
                classes[code] = byte.Parse(fields[1], CultureInfo.InvariantCulture);
            }

            if (fields.Length > 3)
            {
                int[] parts = [.. fields[3].Split(' ').Select(Hex)];
                decompositions[code] = (parts, fields[2] != "K");
                if (fields[2] == "C")
                {
                    compositions[(parts[0], parts[1])] = code;
                    seconds.Add(parts[1]);
                }
            }
        }
    }

    public static UnicodeForms Data => Shared.Value;

    public int CombiningClass(int code) => classes.GetValueOrDefault(code);

    /// <summary>Whether a code point may join with one before it.</summary>
    public bool MayJoin(int code)
        => classes.ContainsKey(code) || seconds.Contains(code) || code is >= VowelFirst and < VowelFirst + Vowels or > TailBefore and < TailBefore + Tails;

    /// <summary>Adds the full decomposition of a code point.</summary>
    public void Decompose(int code, bool compatibility, List<int> into)
    {
        if (code is >= HangulFirst and <= HangulLast)
        {
            var index = code - HangulFirst;
            into.Add(LeadFirst + index / (Vowels * Tails));
            into.Add(VowelFirst + index % (Vowels * Tails) / Tails);
            if (index % Tails != 0)
            {
                into.Add(TailBefore + index % Tails);
            }
        }
        else if (decompositions.TryGetValue(code, out var found) && (compatibility || found.Canonical))
        {
            foreach (var part in found.Parts)
            {
                Decompose(part, compatibility, into);
            }
        }
        else
        {
            into.Add(code);
        }
    }

    /// <summary>The code point that two compose to.</summary>
    public bool TryCompose(int first, int second, out int composed)
    {
        if (first is >= LeadFirst and < LeadFirst + Leads && second is >= VowelFirst and < VowelFirst + Vowels)
        {
            composed = HangulFirst + ((first - LeadFirst) * Vowels + (second - VowelFirst)) * Tails;
            return true;
        }

        if (first is >= HangulFirst and <= HangulLast && (first - HangulFirst) % Tails == 0 && second is > TailBefore and < TailBefore + Tails)
        {
            composed = first + second - TailBefore;
            return true;
        }

        return compositions.TryGetValue((first, second), out composed);
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
