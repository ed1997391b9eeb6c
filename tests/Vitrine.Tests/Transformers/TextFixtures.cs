using Vitrine.Certification;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>Decoders of the fixtures, whatever they are called.</summary>
internal static class TextFixtures
{
    /// <summary>Names of folders below models/ that hold a decoder with a vocabulary.</summary>
    public static TheoryData<string> Decoders() => GenerationTests.Models();

    public static TextModel Open(string name, ScalarType dtype = ScalarType.Float32)
        => TextModel.Open(Fixtures.Of("models", name), new ModelOptions { Dtype = dtype });

    /// <summary>The first decoder that there is; the test is skipped where there is none.</summary>
    public static TextModel Any(ScalarType dtype = ScalarType.Float32) => Open(First(), dtype);

    public static string First()
    {
        foreach (var row in Decoders())
        {
            return row.Data;
        }

        Assert.Skip("the fixtures have no decoder");
        throw new InvalidOperationException();
    }

    public static int[] Prompt(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        return fixture.IdRows("single/in.input_ids")[0];
    }
}
