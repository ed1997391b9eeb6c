namespace Vitrine.Tests.Documents;

/// <summary>What pages show in C# compiles as it stands, and runs.</summary>
public sealed class SnippetTests
{
    [Fact]
    public void The_readmes_program_runs_as_it_stands()
    {
        var program = Snippet.Of(File.ReadAllText(Path.Combine(Fixtures.Repository, "README.md"))).ShouldHaveSingleItem();
        Snippet.Run(program).ShouldNotBeEmpty();
    }

    /// <summary>Every path of the libraries that writes or reads JSON, with the settings of a program of one file.</summary>
    [Fact]
    public void Plans_schedules_studies_and_readings_are_written_and_read_where_json_knows_no_reflection()
        => Snippet.Run("""
            using Vitrine.Checkpoints;
            using Vitrine.Inputs.Pictures;
            using Vitrine.Mechanisms.Concepts;
            using Vitrine.Mechanisms.Doses;
            using Vitrine.Mechanisms.ValueVectors;
            using Vitrine.Policies;
            using Vitrine.Transformers;
            using Vitrine.Transformers.Captures;
            using Vitrine.Transformers.Edits;
            using Vitrine.Transformers.Engine;
            using Vitrine.Worlds.Studies;
            using Vitrine.Worlds.Tabletop;
            using static TorchSharp.torch;

            Console.WriteLine(System.Text.Json.JsonSerializer.IsReflectionEnabledByDefault);
            var folder = Directory.CreateTempSubdirectory("vitrine-json").FullName;
            var scope = new EditScope { Positions = new Positions { Indices = [0], Kinds = ["image"] }, Heads = [1], Steps = [0] };
            var value = EditValue.Of(1f, float.NaN);
            var plan = RunPlan.Editing(
                new Add("x", value) { Scope = scope }, new Clamp(new NeuronSet([new Neuron(0, 1)]), [3]), new Conceptor("c", value),
                new Constrain("d", value, 1),
                new KnockOut("k", Positions.First), new Mean("m") { Over = MeanOver.Rows }, new Project("p", value), new Replace("r", value),
                new Scale("s", 2), new Zero("z"), new Own("o", Kind.Two));
            Require(RunPlan.FromJson(plan.ToJson()).ToJson() == plan.ToJson());
            Require(ScheduledEdit.FromJson(ScheduledEdit.ToJson([new ScheduledEdit(plan.Edits[0], new Ramp(0, 1, 2, 3))])).Count == 1);
            var calibration = new Calibration(1, 1, 2, [1], [float.NaN], [0], [[1]], "f");
            Require(Calibration.FromJson(calibration.ToJson(), "c").ToJson() == calibration.ToJson());

            using var policy = Policy.Open("embedded:tabletop");
            var study = new Study
            {
                Name = "s", Policy = StudyPolicy.Of(policy), World = new TabletopWorld().Description, Tasks = ["reach"], LayoutsPerTask = 1, StepLimit = 1,
                Seed = 1,
                Arms = [new Arm { Name = "b", Kind = ArmKind.Baseline }, new Arm { Name = "w", Kind = ArmKind.Prompt, Word = "quickly" }],
            };
            var scheduled = study with { Arms = [study.Arms[0], study.Arms[1] with { Plan = plan, Schedule = new Constant() }] };
            Require(Study.FromJson(scheduled.ToJson()).Fingerprint() == scheduled.Fingerprint());
            Require(Study.FromJson(study.ToJson()).ToJson() == study.ToJson());
            for (var twice = 0; twice < 2; twice++)
            {
                var run = await new StudyRunner(() => new TabletopWorld()).RunAsync(study, policy, new StudyOptions { Folder = Path.Combine(folder, "study") });
                Require(StudyRun.FromJson(run.ToJson()).ToJson() == run.ToJson());
                Require(StudyResult.FromJson(StudyResult.Of(run).ToJson()).Layouts == 1);
            }

            using var model = TextModel.Open("tests/fixtures/models/llama");
            CaptureWriter.Write(model, model.Encode("the red block").Ids, RunPlan.Capturing("language.1.resid_post"), Path.Combine(folder, "capture"));
            Require(CaptureFolder.Open(Path.Combine(folder, "capture")).Description.Prompts == 1);
            using var source = new StackValueVectors(model);
            var forms = ProjectionForms.JsonLines | ProjectionForms.Parquet;
            var settings = new ProjectionSettings { Count = 2 };
            await ProjectionFolder.Open(Path.Combine(folder, "read"), source, settings).RunAsync(id => $"{id}", forms);
            Require((await ProjectionFolder.Open(Path.Combine(folder, "read"), source, settings).ReadAsync(0)).Count == source.Neurons);
            File.WriteAllText(Path.Combine(folder, "words.yaml"), "fast: [quick, rapid]\nslow: { words: [slow], opposite: fast }\n");
            Require(WordList.Open(Path.Combine(folder, "words.yaml")).Count == 2);
            Directory.Delete(folder, recursive: true);

            static void Require(bool holds, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(holds))] string what = "")
            {
                if (!holds)
                {
                    throw new InvalidOperationException(what);
                }
            }

            public enum Kind { One, Two }

            [EditName("own")]
            public sealed record Own(string At, Kind Which) : Edit
            {
                public override IEnumerable<string> Places() => [At];

                protected override Func<Tensor, Pass, Tensor> Bind(EditSite site) => (x, _) => x;
            }
            """).ShouldBe($"False{Environment.NewLine}");
}
