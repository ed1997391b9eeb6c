using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Edits;

public sealed class PlanFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("vitrine-plan-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_plan_reads_values_from_a_file_beside_it_and_names_it_again_when_saved()
    {
        using var written = arange(6, float32).reshape(2, 3);
        Write("values/means.safetensors", "a.b", written);
        var json = """{"edits":[{"edit":"replace","at":"language.0.mlp.out","value":{"file":"values/means.safetensors","key":"a.b"}}]}""";
        File.WriteAllText(Path.Combine(folder, "plan.json"), json);
        var value = RunPlan.Load(Path.Combine(folder, "plan.json")).Edits[0].ShouldBeOfType<Replace>().Value;
        value.ShouldBe(EditValue.Of(written));
        var plan = RunPlan.Editing(new Add("language.0.mlp.out", value));
        plan.Save(Path.Combine(folder, "again.json"));
        File.ReadAllText(Path.Combine(folder, "again.json")).ShouldContain("values/means.safetensors");
        RunPlan.Load(Path.Combine(folder, "again.json")).Edits[0].ShouldBe(plan.Edits[0]);
        RunPlan.FromJson(plan.ToJson()).Edits[0].ShouldBe(plan.Edits[0], "a plan that travels alone carries its numbers");
    }

    /// <remarks>Plans of the first version spell the newest token so, and the fingerprint of an arm is made over this text.</remarks>
    [Fact]
    public void The_newest_token_keeps_its_name_in_files()
    {
        var plan = RunPlan.FromJson("""{"edits":[{"edit":"zero","at":"language.0.mlp.out","scope":{"positions":{"newest":true}}}]}""");
        plan.Edits[0].Scope.Positions.ShouldBe(Positions.Last);
        plan.ToJson().ShouldContain("\"newest\": true");
    }

    [Theory]
    [InlineData("../means.safetensors"), InlineData("/means.safetensors"), InlineData("a/../../means.safetensors"), InlineData("a//means.safetensors"),
        InlineData("")]
    public void A_file_outside_the_plans_folder_is_refused(string file)
    {
        var path = Path.Combine(folder, "plan.json");
        File.WriteAllText(path, $$$"""{"edits":[{"edit":"replace","at":"language.0.mlp.out","value":{"file":"{{{file}}}","key":"a"}}]}""");
        Should.Throw<VitrineException>(() => RunPlan.Load(path)).Message.ShouldContain("inside the plan's own folder");
    }

    [Theory]
    [InlineData("""{"file":"missing.safetensors","key":"a"}""", "missing.safetensors")]
    [InlineData("""{"file":"missing.safetensors"}""", "'file' and 'key'")]
    [InlineData("""{"shape":[1],"data":[1],"file":"x","key":"y"}""", "'file' and 'key'")]
    [InlineData("""{"shape":[1]}""", "'shape' and 'data'")]
    [InlineData("null", "plan.json")]
    public void A_value_that_is_none_is_refused_with_the_reason(string value, string expected)
    {
        var path = Path.Combine(folder, "plan.json");
        File.WriteAllText(path, $$$"""{"edits":[{"edit":"replace","at":"language.0.mlp.out","value":{{{value}}} }]}""");
        Should.Throw<VitrineException>(() => RunPlan.Load(path)).Message.ShouldContain(expected);
    }

    [Fact]
    public void A_plan_from_elsewhere_may_name_no_file()
        => Should.Throw<VitrineException>(() => RunPlan.FromJson("""{"edits":[{"edit":"add","at":"language.0.mlp.out","value":{"file":"a","key":"b"}}]}""",
            "request"))
            .Message.ShouldStartWith("request: names the file 'a'");

    [Theory]
    [InlineData("""{"edits":[{"edit":"zero"}]}"""), InlineData("""{"edits":[null]}"""), InlineData("""{"capture":[null]}"""),
        InlineData("""{"edits":[{"edit":"mean","at":"x","over":7}]}""")]
    public void What_is_missing_or_wrong_in_a_plan_is_refused(string json)
        => Should.Throw<VitrineException>(() => RunPlan.FromJson(json, "plan.json")).Message.ShouldStartWith("plan.json");

    [Fact]
    public void Every_new_edit_and_scope_survives_the_round_trip()
    {
        var plan = new RunPlan
        {
            StopAfter = 3,
            Rows = 3,
            Edits =
            [
                new Project("language.0.resid_post", new EditValue([2, 3], [1, 2, 3, float.NaN, float.PositiveInfinity, 6])) { Out = true },
                new Mean("language.0.mlp.out")
                {
                    Over = MeanOver.Rows,
                    Given = EditValue.Of(1, 2),
                    Scope = new EditScope { Positions = Positions.OfGenerated },
                },
                new Clamp(new NeuronSet([new Neuron(1, 3)]), [2.5f]) { Scope = new EditScope { Rows = [0, 2] } },
                new Add("language.0.mlp.out", EditValue.Of(1)) { Scope = new EditScope { Positions = Positions.OfPrompt } },
                new Scale("language.0.mlp.out", 1) { Scope = new EditScope { Positions = Positions.Of("image", "text") } },
            ],
        };
        var json = plan.ToJson();
        var again = RunPlan.FromJson(json);
        again.ToJson().ShouldBe(json);
        again.StopAfter.ShouldBe(3);
        again.Edits[2].ShouldBe(plan.Edits[2]);
        again.Edits[1].ShouldBeOfType<Mean>().Over.ShouldBe(MeanOver.Rows);
        again.Edits[4].Scope.Positions!.Kinds.ShouldBe(["image", "text"]);
    }

    [Fact]
    public void A_replacement_from_a_run_puts_its_values_in()
    {
        using var model = TextFixtures.Any();
        const string At = "language.0.resid_post";
        using var other = model.Run(TokenBatch.Of(7, 8, 9), RunPlan.Capturing(At));
        using var run = model.Run(TokenBatch.Of(3, 4, 5), new RunPlan { Capture = [At], Edits = [Replace.From(other, At)] });
        run[At].ShouldHaveTheBitsOf(other[At], "all of it was replaced");
        run.Logits.ShouldHaveTheBitsOf(other.Logits, "everything behind follows");
    }

    private void Write(string name, string key, Tensor tensor)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var data = tensor.contiguous().bytes.ToArray();
        var header = System.Text.Encoding.UTF8.GetBytes(
            $$$"""{"{{{key}}}":{"dtype":"F32","shape":[{{{string.Join(',', tensor.shape)}}}],"data_offsets":[0,{{{data.Length}}}]}}""");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. header, .. data]);
    }
}
