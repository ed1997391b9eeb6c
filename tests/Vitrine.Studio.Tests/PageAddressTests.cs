using System.Globalization;
using CsCheck;
using Vitrine.Studio.Hosting;

namespace Vitrine.Studio.Tests;

public sealed class PageAddressTests
{
    [Fact]
    public void An_address_brings_its_values_back_whatever_they_are()
        => Gen.Dictionary(Gen.String[Gen.Char['a', 'z'], 1, 8], Gen.String[1, 20]).Sample(values =>
        {
            var there = PageAddress.Of(PageAddress.Of("/tour/neuron").With([.. values.Select(v => (v.Key, (object?)v.Value))]));
            return there.Path == "tour/neuron" && values.All(v => there[v.Key] == v.Value.Normalised());
        }, iter: 300);

    [Fact]
    public void Numbers_are_written_and_read_with_a_dot_in_every_culture()
    {
        using var culture = new Comma();
        var there = PageAddress.Of(PageAddress.Of("/robot").With(("dose", .7), ("from", 3)));
        there.Relative.ShouldContain("dose=0.7");
        there.Number("dose", 0).ShouldBe(.7);
        there.Whole("from", 0, 0, 10).ShouldBe(3);
    }

    [Fact]
    public void A_number_beyond_its_bounds_is_brought_back_and_no_number_is_the_fallback()
    {
        var there = PageAddress.Of("/robot?from=99&to=x&dose=NaN");
        there.Whole("from", 0, 0, 49).ShouldBe(49);
        there.Whole("to", 7, 0, 49).ShouldBe(7);
        there.Number("dose", 4).ShouldBe(4);
    }

    [Fact]
    public void What_a_model_reads_goes_along_to_other_pages_and_what_is_the_page_s_own_does_not()
        => PageAddress.Of("/robot?model=m&task=lift&step=9").To("tour/action").ShouldBe("/tour/action?model=m&task=lift");
}

/// <summary>The German way to write numbers, which the invariant build has no data for, until it is disposed.</summary>
internal sealed class Comma : IDisposable
{
    private readonly CultureInfo before = CultureInfo.CurrentCulture;

    public Comma()
    {
        var german = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (german.NumberFormat.NumberDecimalSeparator, german.NumberFormat.NumberGroupSeparator) = (",", ".");
        CultureInfo.CurrentCulture = german;
        .7.ToString().ShouldBe("0,7");
    }

    public void Dispose() => CultureInfo.CurrentCulture = before;
}

internal static class AddressText
{
    /// <remarks>A lone surrogate has no form in an address.</remarks>
    public static string Normalised(this string text) => string.Concat(text.EnumerateRunes());
}
