using CsCheck;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Tests.Inputs.Pictures;

public sealed class ResamplingTests
{
    private static readonly Gen<ResampleFilter> Filters = Gen.Enum<ResampleFilter>();

    private static readonly Gen<ResizeEngine> Engines = Gen.Enum<ResizeEngine>();

    [Fact]
    public void Resizing_to_the_same_size_changes_nothing()
        => Gen.Select(SamplePictures.Any, Filters, Engines)
            .Sample((picture, filter, engine) => Resampling.Resize(picture, picture.Width, picture.Height, filter, engine).Rgb.SequenceEqual(picture.Rgb),
                iter: 200);

    [Fact]
    public void A_picture_of_one_colour_stays_of_one_colour()
        => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Byte, Filters, Engines).Sample(
            (w, h, toWidth, toHeight, value, filter, engine)
                => Resampling.Resize(Picture.Plain(w, h, (value, value, value)), toWidth, toHeight, filter,
                    engine).Rgb.All(v => Math.Abs(v - value) <= (engine == ResizeEngine.Torchvision ? 1 : 0)),
            iter: 400);

    [Fact]
    public void A_mirrored_picture_is_resized_to_the_mirrored_result()
        => Gen.Select(SamplePictures.Any, Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 3].Select(i => (ResampleFilter)i)).Sample(
            (picture, width, height, filter) => Resampling.Resize(picture.HalfTurned(), width, height, filter).Rgb
                .Zip(Resampling.Resize(picture, width, height, filter).HalfTurned().Rgb).All(p => Math.Abs(p.First - p.Second) <= 1),
            iter: 200);

    [Fact]
    public void Two_half_turns_are_none()
        => SamplePictures.Any.Sample(picture => picture.HalfTurned().HalfTurned().Rgb.SequenceEqual(picture.Rgb), iter: 100);

    [Fact]
    public void A_box_over_whole_pixels_is_their_mean()
    {
        var picture = SamplePictures.Waves(24, 18);
        var small = Resampling.Resize(picture, 8, 18, ResampleFilter.Box);
        for (var i = 0; i < small.Rgb.Length; i++)
        {
            var (pixel, channel) = (i / 3, i % 3);
            small.Rgb[i].ShouldBe((byte)Math.Floor((Enumerable.Range(0, 3).Sum(k => picture.Rgb[(((3 * pixel) + k) * 3) + channel]) / 3.0) + 0.5));
        }
    }

    [Fact]
    public void Work_on_all_cores_gives_the_bytes_of_one_core()
    {
        // Rows of a horizontal pass know nothing of each other: a strip that one core takes must equal its place in the whole.
        var picture = SamplePictures.Waves(1200, 900);
        var whole = Resampling.Resize(picture, 500, 900, ResampleFilter.Lanczos);
        var strip = Resampling.Resize(picture.Part(0, 600, 1200, 3), 500, 3, ResampleFilter.Lanczos);
        whole.Part(0, 600, 500, 3).Rgb.ShouldBe(strip.Rgb);
        var floats = Interpolation.Torch(Pixels.Of(picture), 500, 900, ResampleFilter.Bicubic, antialias: true);
        var few = Interpolation.Torch(Pixels.Of(picture.Part(0, 600, 1200, 3)), 500, 3, ResampleFilter.Bicubic, antialias: true);
        floats.Values.AsSpan(600 * 500, 1500).SequenceEqual(few.Values.AsSpan(0, 1500)).ShouldBeTrue();
    }

    [Fact]
    public void Torch_interpolation_of_a_ramp_has_its_published_values()
    {
        // arange(12) as 3 x 4 to 2 x 3, bilinear, align_corners False.
        var ramp = new Pixels(1, 3, 4, [.. Enumerable.Range(0, 12).Select(v => (float)v)]);
        Interpolation.Torch(ramp, 3, 2, ResampleFilter.Bilinear).Values.ShouldBe([1.1666667f, 2.5f, 3.8333335f, 7.1666667f, 8.5f, 9.8333333f], 1e-6);
    }

    [Fact]
    public void Aligned_corners_keep_the_corners()
        => SamplePictures.Any.Sample(
            picture =>
            {
                var from = Pixels.Of(picture);
                var to = Interpolation.Torch(from, 17, 13, ResampleFilter.Bicubic, alignCorners: true);
                return Math.Abs(to.Values[0] - from.Values[0]) < 1e-3
                    && (picture.Width == 1 || picture.Height == 1 || Math.Abs(to.Values[^1] - from.Values[^1]) < 0.05);
            },
            iter: 100);

    [Fact]
    public void The_whole_box_cropped_to_its_own_size_is_the_picture()
        => SamplePictures.Any.Sample(
            picture => Interpolation.CropAndResize(Pixels.Of(picture), (0, 0, 1, 1), picture.Width, picture.Height).Values.Zip(Pixels.Of(picture).Values)
                .All(p => picture.Width == 1 || picture.Height == 1 || Math.Abs(p.First - p.Second) < 0.01),
            iter: 100);

    [Fact]
    public void A_cropped_ramp_is_read_between_its_pixels_and_zero_outside()
    {
        // src(i) = y1 (H - 1) + i (y2 - y1)(H - 1)/(n - 1): 2.5, 5, 7.5 inside, -2.5 and 12.5 outside of 0 to 10.
        var ramp = new Pixels(1, 1, 11, [.. Enumerable.Range(0, 11).Select(v => (float)v)]);
        Interpolation.CropAndResize(ramp, (0, 0.25f, 0, 0.75f), 3, 1).Values.ShouldBe([2.5f, 5, 7.5f], 1e-5);
        Interpolation.CropAndResize(ramp, (0, -0.25f, 0, 1.25f), 4, 1).Values.ShouldBe([0, 2.5f, 7.5f, 0], 1e-5);
        Interpolation.CropAndResize(ramp, (0, 0.25f, 0, 0.75f), 1, 1).Values.ShouldBe([5], 1e-5);
    }

    [Fact]
    public void Lanczos_of_tensorflow_follows_its_formula()
    {
        // Four pixels from ten: s = 2.5, weights L((j + 1/2 - c) / s) over |j + 1/2 - c| < 7.5, normalised.
        double[] source = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];
        var found = Interpolation.TensorFlowLanczos(new Pixels(1, 1, 10, [.. source.Select(v => (float)v)]), 4, 1).Values;
        for (var i = 0; i < 4; i++)
        {
            var centre = (i + 0.5) * 2.5;
            var weights = source.Select((_, j) => Lanczos((j + 0.5 - centre) / 2.5)).ToArray();
            found[i].ShouldBe((float)(source.Zip(weights).Sum(p => p.First * p.Second) / weights.Sum()), 1e-5f);
        }

        static double Lanczos(double x)
            => x == 0 ? 1 : Math.Abs(x) >= 3 ? 0 : 3 * Math.Sin(Math.PI * x) * Math.Sin(Math.PI * x / 3) / (Math.PI * Math.PI * x * x);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, -1)]
    [InlineData(30_000, 30_000)]
    public void A_size_that_is_none_or_too_large_is_refused_before_it_is_allocated(int width, int height)
    {
        var picture = SamplePictures.Waves(4, 3);
        Should.Throw<VitrineException>(() => Resampling.Resize(picture, width, height, ResampleFilter.Bicubic)).Message.ShouldContain(
            $"{width} x {height} pixels");
        Should.Throw<VitrineException>(() => Interpolation.Torch(Pixels.Of(picture), width, height, ResampleFilter.Bilinear)).Message.ShouldContain(
            $"{width} x {height} pixels");
    }

    [Fact]
    public void An_interpolation_that_torch_lacks_is_refused()
        => Should.Throw<VitrineException>(() => Interpolation.Torch(Pixels.Of(SamplePictures.Waves(4, 3)), 2, 2,
            ResampleFilter.Lanczos)).Message.ShouldContain("Lanczos");
}
