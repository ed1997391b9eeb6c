using System.Globalization;
using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Cli.Commands;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Probes;
using Vitrine.Policies;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Tests.Cli;

/// <summary>A run of each verb that succeeds: its table has rows that are no zeros, and its JSON the table's numbers.</summary>
public sealed class VerbTests : IDisposable
{
    private const string Policy = "embedded:tabletop";
    private readonly TemporaryFolder folder = new();

    private static string Scene => Path.Combine(Fixtures.Repository, "examples", "scene.png");

    [Fact]
    public async Task Act_answers_with_an_action()
    {
        var (table, json) = await BothAsync("act", Policy, Scene, "touch the plum wedge");
        var action = json.GetProperty("chunk")[0];
        action.GetArrayLength().ShouldBe(7);
        table.ShouldContain("dx");
        table.ShouldContain(Signed(action[0]));
        table.ShouldContain(Signed(action[1]));
    }

    [Fact]
    public async Task Run_says_what_a_policy_expects_where_it_decides_as_the_lens_s_last_row_does()
    {
        var file = folder["run.safetensors"];
        string[] asked = ["run", Policy, Scene, "touch the plum wedge", "-n", "4", "--capture", "language.5.resid_post", "--out", file];
        var (table, json) = await BothAsync(asked);
        using var policy = Vitrine.Policies.Policy.Open(Policy);
        var lens = policy.Lens(new Observation(PictureFile.Read(Scene), "touch the plum wedge"), count: 4);
        var answers = json.GetProperty("answers").EnumerateArray().ToArray();
        answers.Select(a => a.GetProperty("id").GetInt32()).ShouldBe(lens[lens.Layers - 1].Select(t => t.Id));
        foreach (var answer in answers)
        {
            table.ShouldContain(answer.GetProperty("text").GetString()!);
            answer.GetProperty("normalised").GetDouble().ShouldBe(policy.Actions!.Centre(answer.GetProperty("id").GetInt32()));
            table.ShouldContain(Signed(answer.GetProperty("normalised")));
        }

        using var written = SafetensorsFile.Open(file);
        written.Tensors.Keys.ShouldBe(["in.input_ids", "language.5.resid_post", "out.logits"], ignoreOrder: true);
        (await CommandLine.RunAsync([.. asked, "--ablate", "language.5.attn.out"])).Out.ShouldNotBe(table);
    }

    [Fact]
    public async Task Generate_says_a_policy_s_tokens_with_what_they_mean()
    {
        var (table, json) = await BothAsync("generate", Policy, Scene, "touch the plum wedge");
        using var policy = Vitrine.Policies.Policy.Open(Policy);
        using var run = policy.Act([new Observation(PictureFile.Read(Scene), "touch the plum wedge")]);
        json.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32()).ShouldBe(run.Actions[0].Tokens!.TokenIds);
        json.GetProperty("chunk")[0].EnumerateArray().Select(i => i.GetDouble()).ShouldBe(run.Actions[0].Values);
        foreach (var (d, id) in run.Actions[0].Tokens!.TokenIds.Index())
        {
            table.ShouldContain(policy.ActionNames[d]);
            table.ShouldContain(policy.Tokenizer.Shown(id));
            table.ShouldContain(Signed(json.GetProperty("chunk")[0][d]));
        }
    }

    [Theory]
    [InlineData("run")]
    [InlineData("generate")]
    public async Task A_policy_that_answers_in_numbers_gives_its_chunk_and_nothing_given_is_a_state_of_its_world(string verb)
    {
        var (table, json) = await BothAsync(verb, "embedded:tabletop-flow", "-n", "3");
        json.GetProperty("chunk").GetArrayLength().ShouldBe(3);
        foreach (var number in json.GetProperty("chunk").EnumerateArray().SelectMany(row => row.EnumerateArray()))
        {
            table.ShouldContain(Signed(number));
        }

        var others = await BothAsync(verb, "embedded:tabletop-flow", "-n", "3", "--seed", "9");
        others.Table.ShouldNotBe(table);
        (await BothAsync(verb, "embedded:tabletop-flow", "-n", "3", "--noise", "4")).Table.ShouldNotBe(table);
        (await BothAsync(verb, Policy)).Table.ShouldNotBe((await BothAsync(verb, Policy, "--seed", "9")).Table);
    }

    [Fact]
    public void A_policy_that_says_chunks_in_words_shows_its_words()
    {
        using var policy = FlowExample.Open("pi0-fast", FlowExample.Folder("pi0-fast"));
        using var run = policy.Act([FlowExample.Observe("pi0-fast")]);
        var action = run.Actions[0];
        SpokenAction.First(run, 3).ShouldNotBeNull().Select(a => a.Id).First().ShouldBe(action.Said[0], "greedy");
        SpokenAction.Ids(action).ShouldBe(action.Said);
        SpokenAction.Said(policy, action, 2).Rows.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("run", "PICTURE \"INSTRUCTION\"", Policy, "hello")]
    [InlineData("run", "goes with PICTURE", Policy, "--state", "1")]
    [InlineData("run", "--image: embedded:tabletop is a policy", Policy, "--image", "a.png")]
    [InlineData("generate", "--chat: embedded:tabletop is a policy", Policy, "--chat")]
    [InlineData("generate", "--temperature: embedded:tabletop is a policy", Policy, "--temperature", "1")]
    [InlineData("run", "is a text model; policies take it", "LLAMA", "hello", "--state", "1")]
    [InlineData("generate", "expected one prompt in quotes, found 2 texts", "LLAMA", "hello", "there")]
    [InlineData("run", "expected one prompt in quotes, found 0 texts", "LLAMA")]
    public async Task What_means_nothing_for_a_kind_of_model_is_refused(string verb, string why, string model, params string[] asked)
        => (await folder.RefusedAsync([verb, model == "LLAMA" ? Fixtures.Of("models", "llama") : model, .. asked])).ShouldContain(why);

    [Fact]
    public async Task Calibrate_writes_where_it_is_asked_to_and_nowhere_else()
    {
        var file = folder["c.json"];
        var (exit, _, error) = await CommandLine.RunAsync("calibrate", Policy, "--states", "4", "--out", file);
        exit.ShouldBe(0, error);
        var calibration = Calibration.Open(file);
        calibration.Samples.ShouldBe(4 * 7);
        calibration.Sigma.Max().ShouldBeGreaterThan(0);
        var (table, json) = await BothAsync("calibrate", Policy, "--states", "4");
        table.ShouldContain("not kept");
        json.GetProperty("Samples").GetInt32().ShouldBe(28);
        File.Exists("calibration.json").ShouldBeFalse();
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("rapidly,swiftly")]
    [InlineData("Rapidly")]
    [InlineData("--meaning", "rapidly")]
    [InlineData("--action", "+")]
    public async Task Concepts_lists_neurons(params string[] asked)
    {
        var (table, json) = await BothAsync(["concepts", Policy, .. asked, "-n", "5"]);
        json.GetArrayLength().ShouldBeGreaterThan(0);
        foreach (var row in json.EnumerateArray())
        {
            table.ShouldContain($"{row.GetProperty("layer").GetInt32()}:{row.GetProperty("index").GetInt32()} ");
            row.GetProperty("top").GetArrayLength().ShouldBe(30);
        }
    }

    [Fact]
    public async Task Concepts_says_what_a_word_may_have_meant()
    {
        (await folder.RefusedAsync("concepts", Policy, "zeppelin")).ShouldContain("'zeppelin'");
        (await folder.RefusedAsync("concepts", Policy, "quickli")).ShouldContain("the nearest concept is 'fast', spelled like 'quickly'");
        (await CommandLine.RunAsync("concepts", Policy, "zeppelin", "rapidly")).Error.ShouldContain("is no word of the vocabulary and is left out");
        (await folder.RefusedAsync("steer", Policy, "rapidly", "--states", "2")).ShouldContain("the nearest is 'fast' ('rapidly' is one of its words)");
    }

    [Fact]
    public async Task Steer_measures_what_the_concept_is_about_beside_its_controls()
    {
        foreach (var (concept, metric) in ((string, string)[])[("fast", "speed"), ("high", "dz"), ("FAST", "speed")])
        {
            var (table, json) = await BothAsync("steer", Policy, concept, "--states", "3", "--draws", "2");
            table.ShouldContain($"measured is {metric} (what the concept is about)");
            json.EnumerateArray().Select(r => r.GetProperty("arm").GetString()).ShouldBe(["clamp", "zero dose", "matched random 1", "matched random 2"]);
            json[1].GetProperty("hard").GetProperty("mean").GetDouble().ShouldBe(0);
            json[0].GetProperty("soft").GetProperty("mean").GetDouble().ShouldNotBe(0);
        }
    }

    [Fact]
    public async Task Steer_and_calibrate_take_texts()
    {
        var model = TextCommandTests.Decoders().First().Data;
        var path = Fixtures.Of("models", model);
        var word = await WordOfAsync(path);
        var calibration = folder["c.json"];
        (await CommandLine.RunAsync("calibrate", path, "--prompt", "The robot moves up.", "--out", calibration)).Exit.ShouldBe(0);
        string[] asked = ["steer", path, word, "--prompt", "The robot moves", "--prompt", "up and down", "--draws", "2", "--tokens", "3", "--neurons", "4"];
        foreach (var options in (string[][])[[], ["--calibration", calibration]])
        {
            var (table, json) = await BothAsync([.. asked, .. options, "--dose", "8"]);
            var arms = json.GetProperty("arms");
            table.ShouldContain("unedited");
            arms.EnumerateArray().Select(r => r.GetProperty("arm").GetString()).ShouldBe(["clamp", "zero dose", "matched random 1", "matched random 2"]);
            arms[1].GetProperty("divergence").GetDouble().ShouldBe(0);
            arms[0].GetProperty("divergence").GetDouble().ShouldBeGreaterThan(0);
            arms[0].GetProperty("log_probability").GetProperty("mean").GetDouble().ShouldBeGreaterThan(0, "neurons that write a word, driven, say it");
            json.GetProperty("neurons").GetArrayLength().ShouldBe(4);
        }

        (await folder.RefusedAsync("steer", path, word)).ShouldContain("--prompt");
        (await folder.RefusedAsync("calibrate", path)).ShouldContain("--prompt");
    }

    [Fact]
    public async Task Neurons_of_a_text_model_are_read_in_its_own_words()
    {
        var (table, json) = await BothAsync("neurons", Fixtures.Of("models", TextCommandTests.Decoders().First().Data));
        table.ShouldContain("coherent");
        table.ShouldNotContain("action tokens");
        json.EnumerateArray().Sum(r => r.GetProperty("coherent").GetDouble()).ShouldBeGreaterThan(0);
        json[0].GetProperty("best").GetArrayLength().ShouldBe(3);
    }

    [Fact]
    public async Task Certify_reports_every_folder_and_then_fails_for_those_that_are_none()
    {
        var llama = Fixtures.Of("models", "llama");
        var (table, json) = await BothAsync("certify", llama);
        table.ShouldContain("certified");
        json[0].GetProperty("passed").GetBoolean().ShouldBeTrue();
        foreach (var all in (string[][])[[], ["--all"]])
        {
            var narrow = (await CommandLine.RunAsync(80, ["certify", llama, .. all])).Out.ReplaceLineEndings("\n").Split('\n');
            var rows = narrow.SkipWhile(l => !l.StartsWith("──", StringComparison.Ordinal)).Skip(1).TakeWhile(l => l.Trim().Length > 0).ToArray();
            rows.ShouldNotBeEmpty();
            rows.ShouldAllBe(row => row.Contains("agrees") && row.Length <= 80, "a row takes one line");
        }

        var (exit, @out, error) = await CommandLine.RunAsync("certify", folder.Path, llama, folder["none"]);
        exit.ShouldBe(1);
        @out.ShouldContain("agree, certified");
        error.ShouldContain("2 of 3 folders");
        error.ShouldContain(folder["none"]);
    }

    [Fact]
    public async Task Rollout_counts_successes()
    {
        var (table, json) = await BothAsync("rollout", Policy, "--layouts", "2", "--tasks", "reach,push", "--steps", "20");
        json.GetArrayLength().ShouldBeGreaterThanOrEqualTo(2);
        json[0].GetProperty("episodes").GetInt32().ShouldBe(2);
        table.ShouldContain("reach");
        (await CommandLine.RunAsync("rollout", Policy, "--layouts", "1", "--tasks", "reach", "push", "--steps", "2")).Exit.ShouldBe(0);
    }

    [Fact]
    public async Task Rollout_goes_through_a_world_of_other_options()
    {
        string[] asked = ["rollout", "expert", "-n", "2", "--tasks", "reach", "--world", "tabletop:distractors=2,light=.8"];
        var (table, json) = await BothAsync(asked);
        table.ShouldContain("2 distractors, light 0.8");
        json[0].GetProperty("success").GetProperty("successes").GetInt32().ShouldBe(2);
        (await folder.RefusedAsync("rollout", "expert", "--world", "tabletop:glare=2")).ShouldContain("no option 'glare'");
        (await folder.RefusedAsync("rollout", "expert", "--no-adverbs", "--world", "tabletop:adverbs=true")).ShouldContain("--world sets 'adverbs'");
    }

    [Fact]
    public async Task Perturb_says_what_decides_success_and_where_failures_gather()
    {
        string[] asked = ["perturb", Policy, "--tasks", "move", "--points", "4", "--steps", "6", "--factors", "light=.2..1.5,distractors=0..2"];
        var (table, json) = await BothAsync(asked);
        var sensitivity = json.GetProperty("sensitivity");
        sensitivity.GetArrayLength().ShouldBe(2);
        json.GetProperty("points").GetArrayLength().ShouldBe(16);
        table.ShouldContain("distractors");
        table.ShouldContain("16 points x 1 episodes");
        foreach (var cluster in json.GetProperty("clusters").EnumerateArray())
        {
            table.ShouldContain(cluster.GetProperty("lift").GetProperty("mean").GetDouble().ToString("0.000", CultureInfo.InvariantCulture));
        }

        var (held, rows) = await BothAsync("perturb", "expert", "-n", "3", "--tasks", "reach", "--held-out", "red cone,azure ball");
        held.ShouldContain("held out: red cone, azure ball");
        rows.GetProperty("rows")[0].GetProperty("held_out").GetProperty("successes").GetInt32().ShouldBe(3);
        (await folder.RefusedAsync("perturb", "expert", "--held-out", "red cone", "--world", "tabletop:held-out=red cone")).ShouldContain("sets the options");
    }

    [Fact]
    public async Task Train_goes_on_to_the_same_numbers_and_leaves_a_policy_that_opens()
    {
        string[] asked =
        [
            "train", "tabletop", "--from", Policy, "--out", folder["training"], "--steps", "2", "--frames", "2", "--instructions", "1", "--rate", "1e-5",
            "-n", "1",
        ];
        var (table, json) = await BothAsync(asked);
        json.GetProperty("steps").GetInt32().ShouldBe(2);
        var last = json.GetProperty("blocks")[1].GetProperty("measures");
        table.ShouldContain(last.GetProperty("action").GetDouble().ToString("0.0000", CultureInfo.InvariantCulture));
        json.GetProperty("tasks").GetArrayLength().ShouldBe(5);
        File.ReadAllText(Path.Combine(folder["training"], "learning.svg")).ShouldStartWith("<svg");
        File.Exists(Path.Combine(folder["training"], "evaluation.json")).ShouldBeTrue();
        (await CommandLine.RunAsync("act", json.GetProperty("policy").GetString()!, Scene, "touch the plum wedge")).Exit.ShouldBe(0);
        (await folder.RefusedAsync([.. asked, "--seed", "2"])).ShouldContain("is of another recipe");
    }

    [Fact]
    public async Task Demo_writes_its_report_and_goes_on_where_it_stopped()
    {
        string[] asked = ["demo", "--layouts", "2", "--states", "4", "--steps", "6", "--out", folder["demo"]];
        (await CommandLine.RunAsync(asked)).Exit.ShouldBe(0);
        var report = Path.Combine(folder["demo"], "report.html");
        File.Exists(report).ShouldBeTrue();
        var study = File.ReadAllBytes(Path.Combine(folder["demo"], "study-fast.json"));
        var (exit, json, error) = await CommandLine.RunAsync([.. asked, "--json"]);
        exit.ShouldBe(0, error);
        JsonDocument.Parse(json).RootElement.GetProperty("studies").GetArrayLength().ShouldBe(2);
        File.ReadAllBytes(Path.Combine(folder["demo"], "study-fast.json")).ShouldBe(study);
    }

    [Fact]
    public async Task Demo_opens_the_policy_that_flows_and_goes_on_where_it_stopped()
    {
        string[] asked = ["demo", "--policy", "embedded:tabletop-flow", "--layouts", "2", "--states", "4", "--steps", "6", "--out", folder["flow"]];
        var (exit, table, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        table.ShouldContain("random directions in layer 1 (8 draws)");
        table.ShouldContain("matched random, +1 sd (8 draws)");
        var report = File.ReadAllText(Path.Combine(folder["flow"], "report.html"));
        report.ShouldContain("in the same expert with initial weights");
        report.ShouldContain("vitrine demo --policy embedded:tabletop-flow");
        string[] kept = ["study-fast.json", "study-high.json", "neurons.json", "onestep-fast.json", "onestep-high.json"];
        var before = kept.Select(f => File.ReadAllBytes(Path.Combine(folder["flow"], f))).ToArray();
        var (again, json, _) = await CommandLine.RunAsync([.. asked, "--json"]);
        again.ShouldBe(0);
        JsonDocument.Parse(json).RootElement.GetProperty("studies").EnumerateArray()
            .SelectMany(s => s.GetProperty("arms").EnumerateArray()).Where(a => a.GetProperty("arm").GetProperty("kind").GetString() == "zero_dose")
            .Select(a => a.GetProperty("all").GetProperty("differences").GetProperty("speed").GetProperty("estimate").GetProperty("mean").GetDouble())
            .ShouldBe([0, 0]);
        kept.Select(f => File.ReadAllBytes(Path.Combine(folder["flow"], f))).ShouldBe(before);
        (await CommandLine.RunAsync("demo", "--policy", "embedded:other")).Exit.ShouldBe(2);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>A word that is one token of a model's vocabulary.</summary>
    internal static async Task<string> WordOfAsync(string model)
    {
        var tokens = JsonDocument.Parse((await CommandLine.RunAsync("tokens", model, "The robot moves up and down.", "--json")).Out).RootElement
            .GetProperty("tokens").EnumerateArray().Where(t => !t.GetProperty("special").GetBoolean()).Select(t => t.GetProperty("text").GetString()!.Trim());
        return tokens.First(t => t.Length > 0 && t.All(char.IsLetter));
    }

    private static string Signed(JsonElement number) => number.GetDouble().ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Probe_reads_classes_off_texts_and_keeps_the_best()
    {
        var (model, file) = (Fixtures.Of("models", "gpt2"), folder["texts.tsv"]);
        string[] colours = ["red", "blue"], things = ["block", "ball", "cup", "ring", "box", "disc", "cone", "wedge"];
        await File.WriteAllLinesAsync(
            file, ["label\ttext", .. colours.SelectMany(c => things.Select(t => $"{c}\tpush the {t} that is {c}"))], TestContext.Current.CancellationToken);
        string[] asked = ["probe", model, "--texts", file, "--folds", "4", "--shuffles", "9", "--out", folder["probe.json"], "--page", folder["page.html"]];
        var (table, json) = await BothAsync(asked);
        var rows = json.GetProperty("probes").GetProperty("rows");
        var best = rows.EnumerateArray().MaxBy(r => r.GetProperty("score").GetProperty("mean").GetDouble());
        best.GetProperty("score").GetProperty("mean").GetDouble().ShouldBe(1);
        foreach (var row in rows.EnumerateArray())
        {
            table.ShouldContain(row.GetProperty("score").GetProperty("low").GetDouble().ToString("0.000", CultureInfo.InvariantCulture));
        }

        table.ShouldContain("classes blue, red; chance 0.500");
        var probe = LinearProbe.Open(folder["probe.json"]);
        probe.Place.ShouldBe(best.GetProperty("place").GetString());
        json.GetProperty("saved").GetArrayLength().ShouldBe(3);
        File.ReadAllText(folder["page.html"]).ShouldContain("What probes read, by layer (accuracy)");
        using var opened = TextModel.Open(model);
        double Read(RunPlan plan)
        {
            using var run = opened.Run("push the ring that is red", plan.Then(RunPlan.Capturing(probe.Place!)));
            return probe.Decide(run[probe.Place!][0])[^1][0];
        }

        Read(RunPlan.Load(folder["probe.add.json"])).ShouldBeGreaterThan(Read(RunPlan.Empty));
        Read(RunPlan.Load(folder["probe.erase.json"])).ShouldBe(probe.Intercepts[0], 1e-3);
    }

    [Fact]
    public async Task Probe_reads_words_and_speed_where_a_policy_decides()
    {
        var (table, json) = await BothAsync("probe", Policy, "--word", "plum,red,violet,scarlet", "-n", "40", "--folds", "3", "--shuffles", "4");
        json.GetProperty("probes").GetProperty("metric").GetString().ShouldBe("accuracy");
        json.GetProperty("probes").GetProperty("rows").GetArrayLength().ShouldBe(6);
        table.ShouldContain("classes not said, said");
        var (_, numbers) = await BothAsync("probe", Policy, "--target", "speed", "-n", "24", "--folds", "3", "--shuffles", "3", "--alpha", "100");
        numbers.GetProperty("probes").GetProperty("metric").GetString().ShouldBe("R2");
    }

    [Fact]
    public async Task Probe_reads_classes_off_pictures()
    {
        var names = Directory.GetFiles(Fixtures.Of("images", "clip-processor"), "*.png").Take(2).ToArray();
        foreach (var (kind, i) in new[] { "a", "b" }.SelectMany(k => Enumerable.Range(0, 3).Select(i => (k, i))))
        {
            Directory.CreateDirectory(Path.Combine(folder["pictures"], kind));
            File.Copy(names[kind == "a" ? 0 : 1], Path.Combine(folder["pictures"], kind, $"{i}.png"));
        }

        var (table, json) = await BothAsync("probe", Fixtures.Of("models", "vit"), "--pictures", folder["pictures"], "--folds", "3", "--shuffles", "3");
        json.GetProperty("probes").GetProperty("classes").EnumerateArray().Select(c => c.GetString()).ShouldBe(["a", "b"]);
        table.ShouldContain("6 pictures at the mean over tokens");
    }

    [Theory]
    [InlineData("is a text model; name what it reads with --texts", "models/llama")]
    [InlineData("--word: ", "models/llama", "--word", "red")]
    [InlineData("no point 'nothing'", "models/llama", "--texts", "TEXTS", "--point", "nothing")]
    [InlineData("Ridge predicts numbers", "models/llama", "--texts", "TEXTS", "--kind", "ridge")]
    [InlineData("label 0 (from 0) is 'a', which is no number", "models/llama", "--texts", "TEXTS", "--numbers")]
    [InlineData("--alpha: a probe of kind Logistic does not read it", "models/llama", "--texts", "TEXTS", "--alpha", "3", "--folds", "2")]
    [InlineData("5 folds of 4 examples", "models/llama", "--texts", "TEXTS")]
    [InlineData("cannot be read", "models/llama", "--texts", "none.tsv")]
    [InlineData("is an image encoder; name what it sees", "models/vit")]
    [InlineData("--texts: ", "models/vit", "--texts", "TEXTS")]
    [InlineData("say what is asked with --word", "embedded:tabletop")]
    [InlineData("--word: 0 of 6 instructions have nosuchword", "embedded:tabletop", "--word", "nosuchword", "-n", "6")]
    [InlineData("a policy is probed where it decides", "embedded:tabletop", "--word", "red", "--at", "last")]
    [InlineData("'spede': is no dimension", "embedded:tabletop", "--target", "spede")]
    public async Task Probe_refuses_in_one_line(string expected, string model, params string[] asked)
    {
        await File.WriteAllTextAsync(folder["t.tsv"], "label\ttext\na\tred\nb\tblue\na\tgreen\nb\tblack\n", TestContext.Current.CancellationToken);
        var (exit, _, error) = await CommandLine.RunAsync(
            ["probe", model.Contains(':', StringComparison.Ordinal) ? model : Fixtures.Of(model), .. asked.Select(a => a == "TEXTS" ? folder["t.tsv"] : a)]);
        exit.ShouldBe(1, error);
        error.Trim().Split('\n')[^1].ShouldContain(expected);
    }

    private static async Task<(string Table, JsonElement Json)> BothAsync(params string[] asked)
    {
        var (exit, table, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        table.ShouldNotBeEmpty();
        var (again, json, jsonError) = await CommandLine.RunAsync([.. asked, "--json"]);
        again.ShouldBe(0, jsonError);
        return (table, JsonDocument.Parse(json).RootElement);
    }
}
