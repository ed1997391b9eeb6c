using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;

namespace Vitrine.Tests.Mechanisms.Pictures;

/// <summary>Maps over a picture in towers that read patches window by window: every value lies at its own patch.</summary>
public sealed class GridReadingTests
{
    [Theory, InlineData("qwen2.5-vl"), InlineData("qwen3-vl")]
    public void Attention_and_neurons_are_those_of_the_run_put_back_row_by_row(string name)
    {
        using var folder = SeeingFolder.Of(name);
        using var model = TextModel.Open(folder.Path);
        using var tower = model.See();
        using var input = tower.Prepare(Noise());
        var places = tower.Tower.Places([new Preparation { Frames = [], Pixels = [new Pixels(3, (int)input.Pixels.shape[2], (int)input.Pixels.shape[3],
            input.Pixels.contiguous().data<float>().ToArray())] }]).Tokens;
        using var run = tower.Run(input.Pixels, RunPlan.Capturing("vision.*.attn.pattern", "vision.*.mlp.neurons"));
        var reading = PictureReading.Of(tower, input.Pixels, new ReadingOptions { Query = "patch:1,2", Neurons = [new Neuron(1, 3)] });
        var (rows, columns) = (reading.Tokens.Rows, reading.Tokens.Columns);
        places.Count.ShouldBe(rows * columns);
        places.Distinct().Count().ShouldBe(rows * columns, "every patch is shown once");
        var query = places.ToList().FindIndex(p => (p.Row, p.Column) == (1, 2));
        foreach (var head in reading.Attention)
        {
            var pattern = run[$"vision.{head.Layer}.attn.pattern"][0, head.Head, query].data<float>().ToArray();
            foreach (var (token, place) in places.Index())
            {
                head.Map.Values[(place.Row * columns) + place.Column].ShouldBe(pattern[token], 1e-5f, $"layer {head.Layer}, {place}");
            }
        }

        var neuron = run["vision.1.mlp.neurons"][0].select(1, 3).data<float>().ToArray();
        foreach (var (token, place) in places.Index())
        {
            reading.Neurons[0].Map.Values[(place.Row * columns) + place.Column].ShouldBe(neuron[token], 1e-5f);
        }
    }

    /// <remarks>The tower cuts pixels into the same patches in the same order as the recipe does.</remarks>
    [Theory, InlineData("qwen2.5-vl"), InlineData("qwen3-vl")]
    public void Pixels_and_prepared_patches_give_the_same_features(string name)
    {
        using var folder = SeeingFolder.Of(name);
        using var model = TextModel.Open(folder.Path);
        using var tower = model.See();
        using var input = tower.Prepare(Noise());
        using var alone = tower.Run(input.Pixels, RunPlan.Capturing("vision.features"));
        using var whole = model.Run(model.Encode([new PicturePrompt(model.PicturePlaceholder, Noise())]), RunPlan.Capturing("vision.features"));
        alone["vision.features"].ShouldBeClose(whole["vision.features"]);
    }

    private static Picture Noise()
    {
        var rgb = new byte[60 * 37 * 3];
        new Random(5).NextBytes(rgb);
        return new Picture(60, 37, rgb);
    }
}
