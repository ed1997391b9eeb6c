using Vitrine.Inputs.Pictures;

namespace Vitrine.Tests.Inputs.Pictures;

public sealed class PictureRecipeTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("recipe").FullName;

    public static TheoryData<string> Processors()
        => [.. Directory.Exists(Fixtures.Root)
            ? Directory.EnumerateFiles(Fixtures.Root, "preprocessor_config.json", SearchOption.AllDirectories)
                .Select(f => System.IO.Path.GetRelativePath(Fixtures.Root, System.IO.Path.GetDirectoryName(f)!)).Order(StringComparer.Ordinal)
            : Enumerable.Empty<string>()];

    [Theory, MemberData(nameof(Processors))]
    public void Every_processor_of_the_fixtures_opens_prints_itself_and_prepares_a_picture(string name)
    {
        var recipe = PictureRecipe.Open(Fixtures.Of(name));
        recipe.Steps.ShouldNotBeEmpty();
        recipe.Steps.ShouldAllBe(s => s.Length > 3 && !s.Contains("IPictureStep", StringComparison.Ordinal));
        recipe.ToString().ShouldBe(string.Join("; ", recipe.Steps));
        var prepared = recipe.Prepare(SamplePictures.Waves(90, 70));
        prepared.Pixels.ShouldNotBeEmpty();
        prepared.Pixels.SelectMany(p => p.Values).ShouldAllBe(v => float.IsFinite(v));
        if (recipe.Height > 0)
        {
            prepared.Pixels.ShouldAllBe(p => p.Channels == recipe.Channels && p.Height == recipe.Height && p.Width == recipe.Width);
        }
    }

    [Theory]
    [InlineData("""{"image_processor_type":"SiglipImageProcessor"}""",
        "resize to 224 x 224, bicubic, antialiased, 8-bit (Pillow12)|(x / 255 - [0.5, 0.5, 0.5]) / [0.5, 0.5, 0.5]")]
    [InlineData("""{"feature_extractor_type":"ViTFeatureExtractor","size":384}""",
        "resize to 384 x 384, bilinear, antialiased, 8-bit (Pillow12)|(x / 255 - [0.5, 0.5, 0.5]) / [0.5, 0.5, 0.5]")]
    [InlineData("""{"feature_extractor_type":"CLIPFeatureExtractor","size":336,"crop_size":330,"do_normalize":false}""",
        "resize the shorter side to 336, bicubic, antialiased, 8-bit (Pillow12)|crop the middle 330 x 330|(x / 255 - [0, 0, 0]) / [1, 1, 1]")]
    [InlineData(
        """{"image_processor_type":"SmolVLMImageProcessorFast","size":{"longest_edge":512},"max_image_size":{"longest_edge":512},"do_image_splitting":false}""",
        "resize the longer side to 512, lanczos, antialiased, 8-bit (Torchvision)|resize to 512 x 512, lanczos, antialiased, 8-bit (Torchvision)|"
        + "(x / 255 - [0.5, 0.5, 0.5]) / [0.5, 0.5, 0.5]")]
    public void A_file_prints_as_its_steps_and_class_defaults_fill_what_it_leaves_out(string json, string steps)
        => Open(json).Steps.ShouldBe(steps.Split('|'));

    [Fact]
    public void A_processor_inside_processor_config_is_found()
    {
        File.WriteAllText(System.IO.Path.Combine(folder, "processor_config.json"),
            """{"processor_class":"X","image_processor":{"image_processor_type":"ViTImageProcessor","size":{"height":32,"width":48}}}""");
        var recipe = PictureRecipe.Open(folder);
        (recipe.Channels, recipe.Height, recipe.Width).ShouldBe((3, 32, 48));
    }

    [Theory]
    [InlineData("""{"image_processor_type":"LlavaNextImageProcessor"}""", "'LlavaNextImageProcessor'")]
    [InlineData("""{"size":224}""", "names no image_processor_type")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","do_flip":true}""", "'do_flip' is true")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","resample":0}""", "resample is 0")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","size":{"height":224}}""", "size is")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","size":{"height":0,"width":3}}""", "size.height is 0")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","size":1000000}""", "size is 1000000")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","size":224,"size":225}""", "'size' stands there twice")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","image_mean":[0.5,0.5]}""", "image_mean is")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","image_std":[0.5,0,0.5]}""", "image_std is")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","do_pad":true}""", "do_pad is true")]
    [InlineData("""{"image_processor_type":"ViTImageProcessor","rescale_factor":0}""", "rescale_factor is 0")]
    [InlineData("""{"image_processor_type":"Idefics3ImageProcessor","do_resize":false}""", "do_resize is false")]
    [InlineData("""{"image_processor_type":"Qwen2VLImageProcessor","min_pixels":5,"max_pixels":4}""", "at least 5 and at most 4")]
    [InlineData("""{"image_processor_type":"Qwen2VLImageProcessor","min_pixels":5,"size":{"shortest_edge":6}}""", "min_pixels is 5, size.shortest_edge 6")]
    [InlineData("""{"image_processor_type":"PrismaticImageProcessor"}""", "image_resize_strategy")]
    [InlineData("""{"image_processor_type":"PrismaticImageProcessor","image_resize_strategy":"resize-naive","input_sizes":[[3,8,8],[3,9,9]]}""",
        "input_sizes is")]
    [InlineData("""{"image_processor_type":"PrismaticImageProcessor","image_resize_strategy":"stretch","input_sizes":[[3,8,8]]}""",
        "image_resize_strategy is \"stretch\"")]
    [InlineData("[]", "is Array")]
    [InlineData("{", "is not JSON")]
    public void What_is_not_understood_is_refused_by_name(string json, string why)
    {
        var message = Should.Throw<VitrineException>(() => Open(json)).Message;
        message.ShouldContain("preprocessor_config.json");
        message.ShouldContain(why);
    }

    [Fact]
    public void A_folder_without_a_processor_is_named()
        => Should.Throw<VitrineException>(() => PictureRecipe.Open(folder)).Message.ShouldContain("preprocessor_config.json: cannot be read");

    [Fact]
    public void OpenVlas_letterbox_has_a_border_for_each_tower()
    {
        var recipe = Open("""{"image_processor_type":"PrismaticImageProcessor","image_resize_strategy":"letterbox","input_sizes":[[3,8,8],[3,8,8]],"means":"""
            + """[[0.25,0.5,0.75],[0.5,0.5,0.5]],"stds":[[0.5,0.5,0.5],[0.25,0.25,0.25]]}""");
        recipe.Steps.ShouldHaveSingleItem().ShouldContain("letterbox to a square on (63, 127, 191)");
        (recipe.Channels, recipe.Height, recipe.Width).ShouldBe((6, 8, 8));
        // A white picture of 4 x 8 keeps two black-by-mean columns on both sides: there the first tower sees nearly zero.
        var pixels = recipe.Apply(Picture.Plain(4, 8, (255, 255, 255)));
        pixels.Length.ShouldBe(6 * 64);
        pixels[0].ShouldBe(((63 / 255f) - 0.25f) / 0.5f, 1e-6f);
        pixels[3].ShouldBe(1.5f, 1e-6f);
    }

    [Fact]
    public void OpenVlas_crop_keeps_the_shape_and_takes_the_middle()
    {
        var recipe = Open("""{"image_processor_type":"PrismaticImageProcessor","image_resize_strategy":"resize-crop","input_sizes":[[3,8,8]]"""
            + ""","interpolations":["bicubic"],"means":[[0,0,0]],"stds":[[1,1,1]],"tvf_resize_params":"""
            + """[{"size":8,"interpolation":3,"antialias":true,"max_size":null}],"tvf_crop_params":[{"output_size":[8,8]}]"""
            + ""","tvf_do_letterbox":false,"tvf_letterbox_fill":null}""");
        var picture = SamplePictures.Waves(16, 8);
        recipe.Apply(picture).ShouldBe(Pixels.Of(picture.Part(4, 0, 8, 8), (_, v) => (float)(v / 255.0)).Values);
    }

    [Fact]
    public void Libero_frames_are_turned_compressed_resized_and_cropped_in_front_of_the_checkpoints_recipe()
    {
        var recipe = Open("""{"image_processor_type":"SiglipImageProcessor"}""").PrecededBy(LiberoFrames.AsEvaluated());
        recipe.Steps.Take(4).ShouldBe(
        [
            "turn by 180 degrees", "through JPEG of quality 95", "resize to 224 x 224, lanczos3, antialiased, float between the passes (TensorFlow)",
            "crop the middle 0.9 of the area and resize it to 224 x 224, bilinear (TensorFlow)",
        ]);
        recipe.Apply(SamplePictures.Waves(256, 256)).Length.ShouldBe(3 * 224 * 224);
        LiberoFrames.AsEvaluated(turned: false, centreCrop: false).Count.ShouldBe(2);
    }

    [Fact]
    public void A_raw_libero_frame_is_prepared_like_the_upright_one_that_is_not_turned()
    {
        var frame = Directory.EnumerateFiles(Fixtures.Of("images", "libero-frames"), "*.png").Order(StringComparer.Ordinal).First();
        var upright = PictureFile.Read(frame);
        var recipe = Open("""{"image_processor_type":"SiglipImageProcessor"}""");
        var expected = recipe.PrecededBy(LiberoFrames.AsEvaluated(turned: false)).Apply(upright);
        recipe.PrecededBy(LiberoFrames.AsEvaluated()).Apply(upright.HalfTurned()).ShouldBe(expected);
        recipe.PrecededBy(LiberoFrames.AsEvaluated()).Apply(upright).ShouldNotBe(expected);
    }

    [Fact]
    public void A_centre_crop_of_the_whole_area_is_the_picture_and_one_of_less_is_its_middle()
    {
        var picture = SamplePictures.Waves(40, 30);
        new CentreAreaCrop(1, 40, 30).Apply(picture, ResizeEngine.Pillow12).Rgb.ShouldBe(picture.Rgb);
        // A ramp stays a ramp: its middle keeps its value, its ends move inwards by (1 - sqrt(area)) / 2 of the way.
        var ramp = new Picture(101, 1, [.. Enumerable.Range(0, 101).SelectMany(v => Enumerable.Repeat((byte)(2 * v), 3))]);
        var crop = new CentreAreaCrop(0.81, 101, 1).Apply(ramp, ResizeEngine.Pillow12);
        crop.Rgb[0].ShouldBe((byte)10);
        crop.Rgb[150].ShouldBe((byte)100);
        crop.Rgb[^1].ShouldBe((byte)190);
        Should.Throw<VitrineException>(() => new CentreAreaCrop(0, 4, 4).Apply(picture, ResizeEngine.Pillow12)).Message.ShouldContain("no share of an area");
    }

    [Fact]
    public void Padding_around_a_picture_too_small_for_its_crop_goes_where_the_engine_puts_it()
    {
        var picture = Picture.Plain(3, 3, (9, 9, 9));
        var crop = new CentreCrop(6, 3);
        Column(crop.Apply(picture, ResizeEngine.Pillow12)).ShouldBe([0, 0, 9, 9, 9, 0]);
        Column(crop.Apply(picture, ResizeEngine.Torchvision)).ShouldBe([0, 9, 9, 9, 0, 0]);

        static int[] Column(Picture picture) => [.. Enumerable.Range(0, picture.Width).Select(x => (int)picture.Rgb[3 * x])];
    }

    [Fact]
    public void Sides_become_multiples_and_the_pixel_count_stays_between_its_bounds()
        => CsCheck.Check.Sample(
            CsCheck.Gen.Select(CsCheck.Gen.Int[1, 4000], CsCheck.Gen.Int[1, 4000], CsCheck.Gen.Int[2, 32]),
            (width, height, factor) =>
            {
                if (Math.Max(width, height) > 200L * Math.Min(width, height))
                {
                    Should.Throw<VitrineException>(() => new SmartResize(factor, 4096, 1 << 20, ResampleFilter.Bicubic).Size(width, height));
                    return;
                }

                var (w, h) = new SmartResize(factor, 4096, 1 << 20, ResampleFilter.Bicubic).Size(width, height);
                (w % factor).ShouldBe(0);
                (h % factor).ShouldBe(0);
                ((long)w * h).ShouldBeGreaterThanOrEqualTo(4096);
                if (Math.Min(w, h) > factor)
                {
                    ((long)w * h).ShouldBeLessThanOrEqualTo(1 << 20);
                }
            },
            iter: 2000);

    [Fact]
    public void Frames_that_cannot_lie_in_one_batch_are_refused()
    {
        var recipe = new PictureRecipe([new Normalise([0, 0, 0], [1, 1, 1])], 3, 0, 0);
        var (a, b) = (recipe.Prepare(SamplePictures.Waves(4, 3)), recipe.Prepare(SamplePictures.Waves(3, 4)));
        Should.Throw<VitrineException>(() => PreparedBatch.Of([a, b])).Message.ShouldContain("cannot lie in one batch");
        Should.Throw<VitrineException>(() => PreparedBatch.Of([])).Message.ShouldContain("no pixels");
        Should.Throw<VitrineException>(() => recipe.Tiled(true)).Message.ShouldContain("no tiles");
        Should.Throw<VitrineException>(() => new ResizeWithPad(8, 8)
            .Apply(SamplePictures.Waves(1, 100), ResizeEngine.Pillow12)).Message.ShouldContain("too thin");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private PictureRecipe Open(string json)
    {
        File.WriteAllText(System.IO.Path.Combine(folder, "preprocessor_config.json"), json);
        return PictureRecipe.Open(folder);
    }
}
