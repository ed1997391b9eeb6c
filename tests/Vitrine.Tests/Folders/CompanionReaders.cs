using System.Globalization;
using System.Text.Json.Nodes;
using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Tests.Policies.OpenVla;
using Vitrine.Tests.Policies.Pi;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Folders;

/// <summary>A folder with a file beside the weights, and what its readers make of it: all numbers that the file can change, as one text.</summary>
/// <param name="Name">Of the example.</param>
/// <param name="File">Name of the file under test.</param>
/// <param name="Json">Its content.</param>
/// <param name="Folder">Where the rest lies.</param>
/// <param name="Answer">Opens the folder.</param>
internal sealed record CompanionExample(string Name, string File, JsonObject Json, string Folder, Func<string, string> Answer)
{
    /// <summary>What a generation goes on from, where the answer is one.</summary>
    public int[]? Prompt { get; init; }

    /// <summary>What comes out where the file has this content.</summary>
    /// <exception cref="VitrineException">It is refused.</exception>
    public string With(string content)
    {
        System.IO.File.WriteAllText(Path.Combine(Folder, File), content);
        return Answer(Folder);
    }

    /// <summary>What comes out where the file has this content.</summary>
    public string With(JsonObject content) => With(content.ToJsonString());

    /// <summary>
    /// A copy of the content with another value at a path a.b; lists on the way are entered at their first element, the data set of statistics too.
    /// </summary>
    /// <returns>Null where the path is not there.</returns>
    public JsonObject? Changed(string path, Action<JsonObject, string> change)
    {
        var copy = Json.DeepClone().AsObject();
        var at = File == "dataset_statistics.json" ? copy.First().Value!.AsObject() : copy;
        var parts = path.Split('.');
        if (path == "transformers.js_config")
        {
            parts = [path];
        }

        foreach (var part in parts[..^1])
        {
            switch (at[part])
            {
                case JsonObject inner:
                    at = inner;
                    break;
                case JsonArray { Count: > 0 } list when list[0] is JsonObject first:
                    at = first;
                    break;
                default:
                    return null;
            }
        }

        change(at, parts[^1]);
        return copy;
    }
}

/// <summary>Examples of every file that has a table of keys.</summary>
internal sealed class CompanionReaders : IDisposable
{
    private readonly List<IDisposable> owned = [];

    public CompanionReaders()
    {
        var models = Path.Combine(Fixtures.Root, "models");
        foreach (var folder in Subject.Names().Select(row => Path.Combine(models, row.Data)))
        {
            using var fixture = Fixture.Open(folder);
            var batch = new VisionLanguageCertifier().Knows(fixture) ? Seeing.Batch(fixture, rows: 1) : TokenBatch.Of(3, 4, 5, 9);
            var isPicture = batch.Pictures is null && fixture.Keys.Any(k => k.EndsWith("in.pixel_values", StringComparison.Ordinal));
            Of(Path.GetFileName(folder), "config.json", Copy(folder), isPicture ? Seen : copy => Read(copy, batch));
        }

        if (Directory.Exists(Path.Combine(models, "openvla")))
        {
            Of("openvla", "config.json", Copy(Path.Combine(models, "openvla")), Policy);
            var without = Copy(Path.Combine(models, "openvla"));
            File.Delete(Path.Combine(without, "dataset_statistics.json"));
            Of("openvla, statistics inside", "config.json", without, Policy);
            Of("openvla statistics", "dataset_statistics.json", Copy(Path.Combine(models, "openvla")), Statistics);
            Of("openvla pictures", "preprocessor_config.json", Copy(Path.Combine(models, "openvla")), Recipe);
        }

        FlowPolicies();
        var tabletop = Vitrine.Policies.Policy.Catalog.Locate("embedded:tabletop").Folder;
        Of("tabletop", "config.json", Copy(tabletop), folder => PolicyAnswer(Vitrine.Policies.Policy.Open(folder)));
        Gemma3();
        Generation();
        Adapter();
        Pictures();
        Index(models);
    }

    public List<CompanionExample> All { get; } = [];

    public IEnumerable<CompanionExample> OfFile(string file) => All.Where(e => e.File == file);

    public void Dispose() => owned.ForEach(o => o.Dispose());

    /// <summary>Numbers as a text that tells any two apart.</summary>
    public static string Shown(IEnumerable<float> numbers) => string.Join(' ', numbers.Select(n => n.ToString("R", CultureInfo.InvariantCulture)));

    private static string Read(string folder) => Read(folder, TokenBatch.Of(3, 4, 5, 9));

    private static string Read(string folder, TokenBatch batch)
    {
        using var model = TextModel.Open(folder);
        using var run = model.Run(batch);
        using var last = model.Labels is null ? run.Logits[0, -1] : run.Logits[0];
        var settings = model.GenerationSettings;
        settings.RequireComputed();
        return $"{Shown(last.data<float>().ToArray())} {string.Join(' ', model.Labels?.Names ?? [])} {model.Labels?.Scores} "
            + $"{string.Join("; ", settings.Described)}"
            + $" {settings.Sampling}";
    }

    private static string Seen(string folder)
    {
        using var model = VisionModel.Open(folder);
        var pixels = Enumerable.Range(0, 3 * model.Tower.ImageSize * model.Tower.ImageSize).Select(i => (float)Math.Sin(i)).ToArray();
        using var input = tensor(pixels, [1, 3, model.Tower.ImageSize, model.Tower.ImageSize]);
        using var run = model.Run(input);
        var recipe = File.Exists(Path.Combine(folder, "preprocessor_config.json"))
            || File.ReadAllText(Path.Combine(folder, "config.json")).Contains("\"architecture\"", StringComparison.Ordinal)
            ? model.Recipe.ToString()
            : "";
        using var match = model.Text is null ? null : model.Match(input, TokenBatch.Of(3, 4, 9)).Run;
        return $"{Shown(run.Logits.data<float>().ToArray())} {Shown(match?.Logits.data<float>().ToArray() ?? [])} "
            + $"{string.Join(' ', model.Labels?.Names ?? [])} "
            + $"{model.Labels?.Scores} {recipe}";
    }

    private static string Policy(string folder) => PolicyAnswer(Example.Open(folder));

    private static string PolicyAnswer(Policy policy)
    {
        using (policy)
        {
            using var run = policy.With(units: policy.UnitKeys.First()).Act([Example.Observe()], cancellation: TestContext.Current.CancellationToken);
            return $"{Shown(run.Run.Logits.data<float>().ToArray())} {string.Join(' ', run.Actions[0].Values)}";
        }
    }

    private static string Statistics(string folder)
    {
        var read = ActionStatistics.Open(folder, ConfigReader.Open(Path.Combine(folder, "config.json")));
        return string.Join('\n', read.Select(s => $"{s.Key} {Quarters(s.Value)}"));
    }

    private static string Quarters(ActionStatistics units)
        => string.Join(' ', Enumerable.Range(0, units.Dimensions).Select(d => units.Unnormalise(d, 0.25).ToString("R", CultureInfo.InvariantCulture)));

    private static string Recipe(string folder) => PictureRecipe.Open(folder).ToString();

    private void FlowPolicies()
    {
        string[] names = [.. new[] { "smolvla", "pi0", "pi05", "pi0-fast", "act" }.Where(n => Directory.Exists(FlowExample.Folder(n)))];
        foreach (var name in names)
        {
            Of(name, "config.json", FlowExample.Copy(name, Keep(new Checkpoints.Workplace()).Folder), folder => Chunk(name, folder));
        }

        if (names.Contains("pi0"))
        {
            var folder = Keep(new Checkpoints.Workplace()).Folder;
            Of("openpi", "config.json", OpenPiTests.Converted("pi0", folder, "mean", "std"), converted => Chunk("pi0", converted));
        }

        static string Chunk(string name, string folder)
        {
            using var policy = FlowExample.Open(name, folder);
            using var run = policy.Act([FlowExample.Observe(name)], cancellation: TestContext.Current.CancellationToken);
            return $"{string.Join(' ', run.Actions[0].Chunk.SelectMany(r => r))} {policy.ActionSteps} {string.Join(' ', policy.ActionNames)}";
        }
    }

    private void Gemma3()
    {
        var folder = Keep(new Cli.TemporaryFolder());
        Gemma3Tests.Save(folder.Path);
        Of("gemma3", "config.json", folder.Path, Read);
    }

    private void Generation()
    {
        var copy = Keep(ModelCopy.Of("llama"));
        copy.Write("generation_config.json", """
            {
              "_from_model_config": true, "bos_token_id": 1, "eos_token_id": [2, 7], "pad_token_id": 0, "do_sample": true, "temperature": 0.6, "top_k": 20,
              "top_p": 0.9,
              "repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "bad_words_ids": [[11], [12, 13]], "suppress_tokens": [14, 15],
              "begin_suppress_tokens": [16],
              "min_new_tokens": 2, "max_length": 4096, "transformers_version": "4.46.3"
            }
            """);
        var prompt = copy.Prompt();
        Of("generation", "generation_config.json", copy.Path, folder =>
        {
            using var opened = TextModel.Open(folder);
            opened.GenerationSettings.RequireComputed();
            using var made = opened.Generate(TokenBatch.Of(prompt), new GenerationOptions(6) { StopIds = opened.StopIds });
            return $"{string.Join(' ', made.Ids[0])} {opened.GenerationSettings.Sampling} {opened.GenerationSettings.IsSampled} "
                + string.Join(' ', opened.GenerationSettings.StopStrings);
        });
        All[^1] = All[^1] with { Prompt = prompt };
    }

    private void Adapter()
    {
        const string Query = "model.layers.0.self_attn.q_proj";
        var copy = Keep(ModelCopy.Of("llama"));
        var files = new AdapterFiles(21);
        using (var weights = Checkpoint.Open(copy.Path))
        {
            var shape = weights.Entry($"{Query}.weight").Shape;
            files.Adapt(Query, shape[0], shape[1]);
        }

        foreach (var (key, value) in JsonNode.Parse("""
            {
              "use_rslora": false, "use_dora": false, "rank_pattern": {}, "alpha_pattern": {"q_proj": 9}, "modules_to_save": null, "layers_to_transform": null,
              "layers_pattern": null, "loftq_config": {}, "megatron_core": "megatron.core", "revision": null, "auto_mapping": null
            }
            """)!.AsObject())
        {
            files.Config[key] = value?.DeepClone();
        }

        files.Write(copy.Path);
        var prompt = copy.Prompt();
        Of("adapter", "adapter_config.json", copy.Path, folder =>
        {
            using var model = TextModel.Open(folder);
            return Shown(ModelCopy.Logits(model, prompt));
        });
    }

    private void Pictures()
    {
        foreach (var (name, json) in new Dictionary<string, string>
        {
            ["clip"] = """
                {
                  "image_processor_type": "CLIPImageProcessor", "crop_size": {"height": 28, "width": 28}, "do_center_crop": true, "do_normalize": true,
                  "do_resize": true,
                  "do_rescale": true, "rescale_factor": 0.00392156862745098, "image_mean": [0.48, 0.45, 0.40], "image_std": [0.26, 0.26, 0.27], "resample": 3,
                  "size": {"shortest_edge": 28}, "do_convert_rgb": true
                }
                """,
            ["vit, old"] = """
                {"feature_extractor_type": "ViTFeatureExtractor", "size": 30, "default_to_square": true, "resample": 2, "do_pad": false,
                  "image_mean": [0.5, 0.5, 0.5]}
                """,
            ["qwen2-vl"] = """
                {"image_processor_type": "Qwen2VLImageProcessor", "patch_size": 7, "merge_size": 2, "temporal_patch_size": 2, "min_pixels": 784,
                  "max_pixels": 4704}
                """,
            ["idefics3"] = """
                {
                  "image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 72}, "max_image_size": {"longest_edge": 24},
                  "do_image_splitting": true,
                  "do_pad": true, "resample": 1
                }
                """,
            ["prismatic, means"] = """
                {
                  "image_processor_type": "PrismaticImageProcessor", "image_resize_strategy": "letterbox", "input_sizes": [[3, 28, 28]],
                  "interpolations": ["bicubic"],
                  "means": [[0.5, 0.5, 0.5]], "stds": [[0.25, 0.25, 0.25]], "tvf_do_letterbox": true, "tvf_letterbox_fill": [127, 127, 127]
                }
                """,
        })
        {
            var folder = Keep(new Cli.TemporaryFolder());
            File.WriteAllText(folder["preprocessor_config.json"], json);
            Of(name, "preprocessor_config.json", folder.Path, Recipe);
        }

        var newer = Keep(new Cli.TemporaryFolder());
        File.WriteAllText(newer["processor_config.json"], """
            {"image_processor": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 30, "width": 30}, "do_pad": null},
              "processor_class": "SiglipProcessor"}
            """);
        Of("siglip, newer", "processor_config.json", newer.Path, Recipe);
    }

    private void Index(string models)
    {
        var sharded = Path.Combine(models, "llama-sharded-bf16");
        if (Directory.Exists(sharded))
        {
            Of("shards", "model.safetensors.index.json", Copy(sharded), Read);
        }
    }

    private string Copy(string folder) => Keep(ModelCopy.OfFolder(folder)).Path;

    private T Keep<T>(T disposable)
        where T : IDisposable
    {
        owned.Add(disposable);
        return disposable;
    }

    private void Of(string name, string file, string folder, Func<string, string> answer)
        => All.Add(new CompanionExample(name, file, JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file)))!.AsObject(), folder, answer));
}
