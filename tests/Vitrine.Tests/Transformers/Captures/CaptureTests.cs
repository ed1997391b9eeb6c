using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Captures;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Captures;

public sealed class CaptureTests : IDisposable
{
    private static readonly int[][] Prompts = [[3, 4, 5, 6], [7, 8], [9, 10, 11], [12], [13, 14, 15, 16, 17]];
    private static readonly RunPlan Plan = new()
    {
        Capture = ["language.*.resid_post", "language.0.attn.pattern", "language.1.attn.z"],
        Edits = [new Clamp(new NeuronSet([new Neuron(0, 3)]), 2)],
    };

    private readonly string folder = Path.Combine(Path.GetTempPath(), $"vitrine-capture-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_is_on_disk_is_what_each_prompt_gives_alone()
    {
        using var model = TextFixtures.Any();
        var capture = CaptureWriter.Write(model, Prompts, Plan, folder, chunkSize: 2);
        capture.IsComplete.ShouldBeTrue();
        capture.Prompts().ShouldBe(Prompts);
        capture.Addresses().Count.ShouldBe(model.Language.Shape.Layers + 2);
        foreach (var address in capture.Addresses())
        {
            foreach (var (found, prompt) in capture.Read(address.ToString()).Zip(Prompts))
            {
                using var scope = NewDisposeScope();
                using var alone = model.Run(TokenBatch.Of(prompt), Plan);
                found.ShouldBeClose(alone[address.ToString()][0], address.ToString());
            }
        }
    }

    [Fact]
    public void An_edit_that_touches_nothing_in_any_prompt_is_refused_and_one_that_touches_in_one_is_not()
    {
        using var model = TextFixtures.Any();
        CaptureWriter.Write(model, Prompts, At(4), folder, chunkSize: 2).IsComplete.ShouldBeTrue("the last prompt has five tokens");
        Directory.Delete(folder, recursive: true);
        for (var i = 0; i < 2; i++)
        {
            Should.Throw<VitrineException>(() => CaptureWriter.Write(model, Prompts, At(5), folder, chunkSize: 2))
                .Message.ShouldContain("edit 1 (zero at language.0.mlp.out) touched nothing");
        }

        static RunPlan At(int position)
        {
            var scope = new EditScope { Positions = Positions.At(position) };
            return Plan with { Edits = [new Scale("language.0.mlp.out", 1), new Zero("language.0.mlp.out") { Scope = scope }] };
        }
    }

    [Theory]
    [InlineData("language.0.resid_post"), InlineData("language.final_norm"), InlineData("language.embed")]
    public void A_capture_of_any_place_is_the_runs(string address)
    {
        using var model = TextFixtures.Any();
        // The edit lies behind block 0 and must not be lost when nothing behind it is captured.
        var plan = RunPlan.Capturing(address) with { Edits = [new Scale("language.1.mlp.out", 2)] };
        var found = CaptureWriter.Write(model, Prompts[..1], plan, folder).Read(address).Single();
        using var run = model.Run(TokenBatch.Of(Prompts[0]), plan);
        found.ShouldHaveTheBitsOf(run[address][0], address);
    }

    [Fact]
    public void A_capture_that_was_cut_off_goes_on_and_keeps_what_was_done()
    {
        using var model = TextFixtures.Any();
        using var source = new CancellationTokenSource();
        var progress = new Listener(done =>
        {
            if (done == 2)
            {
                source.Cancel();
            }
        });
        Should.Throw<OperationCanceledException>(() => CaptureWriter.Write(model, Prompts, Plan, folder, 2, progress, source.Token));
        var begun = CaptureFolder.Open(folder);
        begun.IsComplete.ShouldBeFalse();
        Should.Throw<VitrineException>(() => begun.Read("language.0.resid_post").Count()).Message.ShouldContain("00003-of-00003");
        var first = Path.Combine(folder, begun.Description.FileOf(0));
        var written = File.GetLastWriteTimeUtc(first);
        CaptureWriter.Write(model, Prompts, Plan, folder, 2).IsComplete.ShouldBeTrue();
        File.GetLastWriteTimeUtc(first).ShouldBe(written);
        Directory.GetFiles(folder).Length.ShouldBe(4, "three shards and the index");
    }

    [Fact]
    public void Other_settings_are_refused_by_name()
    {
        using var model = TextFixtures.Any();
        CaptureWriter.Write(model, Prompts, Plan, folder, 2);
        Refused(() => CaptureWriter.Write(model, Prompts, Plan, folder, 3), "chunk size 2, not 3");
        Refused(() => CaptureWriter.Write(model, Prompts[1..], Plan, folder, 2), "prompts 5 of hash");
        Refused(() => CaptureWriter.Write(model, [.. Prompts[1..], [1, 2]], Plan, folder, 2), "prompts 5 of hash");
        Refused(() => CaptureWriter.Write(model, Prompts, Plan with { Edits = [] }, folder, 2), "another plan");
        using var wide = TextFixtures.Any(ScalarType.Float64);
        Refused(() => CaptureWriter.Write(wide, Prompts, Plan, folder, 2), "dtype Float32, not Float64");
    }

    [Fact]
    public void A_shard_of_other_settings_and_a_broken_index_are_refused()
    {
        using var model = TextFixtures.Any();
        var capture = CaptureWriter.Write(model, Prompts, Plan, folder, 2);
        var (first, second) = (Path.Combine(folder, capture.Description.FileOf(0)), Path.Combine(folder, capture.Description.FileOf(1)));
        File.Copy(first, second, overwrite: true);
        Refused(() => capture.Read("language.0.resid_post").Count(), "other settings");
        Refused(() => capture.Read("language.0.mlp.out").Count(), "was not captured");
        Widen(first);
        Refused(() => capture.Prompts().First(), "'in.input_ids': 4294967299 is no token id");
        foreach (var json in new[] { "", "[]", "{}", "{\"format\":\"vitrine.capture/1\"}", "{\"format\":\"vitrine.capture/9\"}" })
        {
            File.WriteAllText(Path.Combine(folder, "index.json"), json);
            Refused(() => CaptureFolder.Open(folder), "index.json");
        }
    }

    /// <summary>The same shard, its first prompt's first id wider than an id can be.</summary>
    private static void Widen(string path)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors;
        Dictionary<string, string> metadata;
        using (var file = SafetensorsFile.Open(path))
        {
            (tensors, metadata) = (file.Tensors.Keys.ToDictionary(k => k, k => file.Read(k).clone()), new(file.Metadata));
        }

        tensors["in.input_ids"][0, 0] += 1L << 32;
        SafetensorsFile.Save(path, tensors, metadata);
    }

    [Fact]
    public void A_plan_that_captures_nothing_or_tells_rows_apart_is_refused()
    {
        using var model = TextFixtures.Any();
        Refused(() => CaptureWriter.Write(model, Prompts, RunPlan.Empty, folder), "name activations");
        Refused(() => CaptureWriter.Write(model, [], Plan, folder), "no prompts");
        Refused(() => CaptureWriter.Write(model, Prompts, RunPlan.Capturing("language.0.mlp.out@1"), folder), "names steps");
        Edit[] apart =
        [
            new Zero("language.0.mlp.out") { Scope = new EditScope { Rows = [0] } }, new Mean("language.0.mlp.out") { Over = MeanOver.Rows },
            .. RunPlan.ForRows(RunPlan.Editing(new Scale("language.0.mlp.out", 1)), RunPlan.Empty).Edits,
        ];
        foreach (var edit in apart)
        {
            Refused(() => CaptureWriter.Write(model, Prompts, Plan with { Edits = [edit] }, folder), "tells rows apart");
        }

        Directory.Exists(folder).ShouldBeFalse("nothing was begun");
    }

    private static void Refused(Action write, string why) => Should.Throw<VitrineException>(write).Message.ShouldContain(why);

    private sealed class Listener(Action<int> heard) : IProgress<int>
    {
        public void Report(int value) => heard(value);
    }
}
