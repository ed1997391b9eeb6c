namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>Tests that measure time run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Timed
{
    public const string Name = "time is measured";
}

[Collection(Timed.Name)]
public sealed class TokenizerTimeTests
{
    public static TheoryData<string, string> Long()
    {
        var data = new TheoryData<string, string>();
        foreach (var name in (string[])["gpt2", "mistral", "mistral-v1", "tiny-wordpiece", "sentencepiece-uni"])
        {
            foreach (var unit in (string[])["The robot's gripper takes 3 cups, then 42 plates.\n", "a", " ", "<", "中", "😀"])
            {
                data.Add(name, unit);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Long)), Trait("Speed", "slow")]
    public void Time_grows_with_the_length_of_the_text(string name, string unit)
    {
        const int Megabyte = 1 << 20, Doublings = 3, Times = 1 << Doublings;
        var tokenizer = TokenizerFolders.Open(name);
        var (part, whole) = (Repeated(Megabyte / Times), Repeated(Megabyte));
        tokenizer.Encode(Repeated(Megabyte / 16), addSpecialTokens: false);
        var (small, large) = (Best(part), Best(whole));
        large.ShouldBeLessThan(TimeSpan.FromSeconds(30));
        (large / (small + TimeSpan.FromMilliseconds(10)))
            .ShouldBeLessThan(Math.Pow(3, Doublings),
                $"{Times} times the text, at most 3 times the time for each doubling; with the square of the length it would be {Times * Times} times");

        string Repeated(int length) => string.Concat(Enumerable.Repeat(unit, length / unit.Length));

        TimeSpan Best(string text) => Enumerable.Range(0, 2).Min(_ =>
        {
            var before = Environment.CpuUsage.TotalTime; // Of this process: what else the machine does is not the text's.
            tokenizer.Encode(text, addSpecialTokens: false);
            return Environment.CpuUsage.TotalTime - before;
        });
    }
}
