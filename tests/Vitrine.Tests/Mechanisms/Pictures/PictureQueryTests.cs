using Vitrine.Mechanisms.Pictures;

namespace Vitrine.Tests.Mechanisms.Pictures;

public sealed class PictureQueryTests
{
    private static readonly PictureTokens Tokens = PictureTokens.Of(classToken: true, registers: 4, rows: 3, columns: 4);

    [Theory]
    [InlineData(null, "class", 0)]
    [InlineData("class", "class", 0)]
    [InlineData("register:3", "register 3", 4)]
    [InlineData("patch:0,0", "patch 0,0", 5)]
    [InlineData("patch:2,3", "patch 2,3", 16)]
    public void A_token_is_found_by_its_name(string? text, string name, int token)
    {
        var query = PictureQuery.Parse(text, Tokens);
        query.Name.ShouldBe(name);
        query.Tokens.ShouldBe([token]);
    }

    [Fact]
    public void The_mean_is_over_the_patches_alone()
        => PictureQuery.Parse("mean", Tokens).Tokens.ShouldBe(Enumerable.Range(5, 12));

    [Fact]
    public void Without_a_class_token_the_mean_looks()
        => PictureQuery.Parse(null, PictureTokens.Of(false, 0, 2, 2)).Tokens.ShouldBe([0, 1, 2, 3]);

    [Theory]
    [InlineData("register:4"), InlineData("patch:3,0"), InlineData("patch:0,4"), InlineData("patch:-1,0"), InlineData("patch:99999999999,0"),
        InlineData("patch"), InlineData("CLASS "), InlineData("")]
    public void What_is_not_there_is_told_what_is(string text)
        => Should.Throw<VitrineException>(() => PictureQuery.Parse(text, Tokens)).Message.ShouldContain("register:3, patch:0,0 to patch:2,3, mean");

    [Fact]
    public void A_picture_without_a_class_token_has_no_class_to_ask()
        => Should.Throw<VitrineException>(() => PictureQuery.Parse("class", PictureTokens.Of(false, 0, 2, 2)));
}
