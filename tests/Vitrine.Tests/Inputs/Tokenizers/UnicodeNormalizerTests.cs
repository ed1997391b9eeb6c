using System.Globalization;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Inputs.Tokenizers.Normalizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

public sealed class UnicodeNormalizerTests
{
    [Fact]
    public void The_four_forms_are_those_of_Unicode_s_own_test()
    {
        INormalizer[] forms = [UnicodeNormalizer.Nfc, UnicodeNormalizer.Nfd, UnicodeNormalizer.Nfkc, UnicodeNormalizer.Nfkd];
        var lines = File.ReadLines(Fixtures.Of("unicode", "normalization.txt")).Where(l => !l.StartsWith('#')).ToArray();
        lines.Length.ShouldBeGreaterThan(100);
        var wrong = lines.Where(line => line.Split(';') is var columns && forms.Select((form, i) => Normal(form, Text(columns[0])) != Text(columns[i + 1]))
            .Any(differs => differs));
        wrong.ShouldBeEmpty();
    }

    [Fact]
    public void A_composed_character_knows_where_it_came_from()
    {
        var text = UnicodeNormalizer.Nfc.Normalize(AlignedText.Of("xe\u0301y", track: true));
        text.Text.ShouldBe("x\u00E9y");
        text.Origin(1, 2).ShouldBe((1, 3));
        text.Origin(2, 3).ShouldBe((3, 4));
    }

    private static string Normal(INormalizer form, string text) => form.Normalize(AlignedText.Of(text, track: false)).Text;

    private static string Text(string codes)
        => string.Concat(codes.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(c => char.ConvertFromUtf32(int.Parse(c, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));
}
