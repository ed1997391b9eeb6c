using Vitrine.Studio.Hosting;
using Vitrine.Studio.Seeing;

namespace Vitrine.Studio.Tests;

public sealed class LookTests
{
    [Fact]
    public void What_depends_on_neither_layer_nor_token_is_read_once()
    {
        var (image, speaking) = (Read(At(Opened.Image, 0, 0)), Read(At(Opened.Speaking, 0, 0)));
        image.Norms.ShouldNotBeNull();
        speaking.Lens.ShouldNotBeNull();
        speaking.Occluded.ShouldNotBeNull();
        Read(At(Opened.Image, 1, 3), image).Norms.ShouldBeSameAs(image.Norms);
        var moved = Read(At(Opened.Speaking, 1, 3), speaking);
        moved.Lens.ShouldBeSameAs(speaking.Lens);
        moved.Occluded.ShouldBeSameAs(speaking.Occluded);
        moved.OcclusionMeasure.ShouldBe(speaking.OcclusionMeasure);
        moved.Heads.Select(h => h.Weights).ShouldBe(Read(At(Opened.Speaking, 1, 3)).Heads.Select(h => h.Weights));
    }

    [Fact]
    public void Another_input_is_read_anew()
    {
        var before = Read(At(Opened.Speaking, 0, 0));
        var other = Read(At(Opened.Speaking, 0, 0, ("layout", 1)), before);
        other.Lens.ShouldNotBeSameAs(before.Lens);
        other.Occluded.ShouldBe(Read(At(Opened.Speaking, 0, 0, ("layout", 1))).Occluded);
        Read(Opened.At("looking", Opened.Image, ("layer", 0)), Read(Opened.At("looking", Opened.Image, ("task", "lift")))).Norms!.Render()
            .ShouldBe(Read(Opened.At("looking", Opened.Image, ("layer", 0))).Norms!.Render());
    }

    private static PageAddress At(string model, int layer, int token, params (string Key, object? Value)[] more)
        => Opened.At("looking", model, [("layer", layer), ("token", token), ("lens", 1), ("occlude", 1), .. more]);

    private static LookReading Read(PageAddress at, LookReading? before = null) => LookReading.Of(Opened.Models.Open(at["model"]), at, Opened.Place, before);
}
