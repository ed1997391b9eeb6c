// A policy family of one's own: a linear eye and a linear hand around a text model. dotnet run examples/own_family.cs [TEXT MODEL FOLDER]
#:project ../src/Vitrine.Policies/Vitrine.Policies.csproj
using System.Text.Json.Nodes;
using Vitrine;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

var folder = Directory.CreateTempSubdirectory("own-family").FullName;
OwnPolicy.Write(folder, around: args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
using (var policy = Policy.Open(folder, catalog: Policy.Catalog.With(new ModelFamily("own", ModelKind.Policy, OwnPolicy.Load))))
{
    var seen = new Observation(PictureFile.Read("examples/scene.png"), "the red block");
    var plan = new RunPlan { Capture = ["hand.out"], Edits = [new Zero("language.1.attn.out")] };
    using var plain = policy.Act([seen]);
    using var edited = policy.Act([seen], plan);
    Console.WriteLine($"stacks: {string.Join(", ", policy.Stacks.Select(s => s.Name))}");
    Console.WriteLine($"plain:  {string.Join(' ', plain.Actions[0].Values.Select(v => $"{v:0.000}"))}");
    Console.WriteLine($"edited: {string.Join(' ', edited.Actions[0].Values.Select(v => $"{v:0.000}"))}");
    Console.WriteLine($"hand.out: {string.Join(' ', edited.Run["hand.out"].data<float>().Select(v => $"{v:0.000}"))}");
}

Directory.Delete(folder, recursive: true);

/// <summary>The whole picture becomes one token in front of the words; the last word's residual becomes dx, dy, dz.</summary>
public sealed class OwnPolicy : Policy
{
    private const int Numbers = 64 * 64 * 3;
    private readonly Tensor eye, hand;

    private OwnPolicy(ModelSource source, WeightReader weights, Decoder language)
        : base(source, weights, [language], [language.Shape, StackShape.Part("hand", 3, Point.Out)])
    {
        (Language, Tokenizer) = (language, Tokenizer.Open(source.Location.Folder));
        (eye, hand) = (weights.Take("eye", language.Shape.Width, Numbers), weights.Take("hand", 3, language.Shape.Width));
        weights.RefuseOthers(_ => false);
    }

    public override Decoder Language { get; }

    public override Tokenizer Tokenizer { get; }

    public override int ImageTokens => 1;

    public override IReadOnlyList<string> ActionNames => ["dx", "dy", "dz"];

    public override IReadOnlyCollection<string> UnitKeys => ["metres"];

    public static OwnPolicy Load(ModelSource source, ModelOptions options)
    {
        var weights = source.Weights(options);
        return new OwnPolicy(source, weights, weights.Under("language_model.").Decoder(source.Config.Object("text_config")));
    }

    public override PromptLayout Layout(IReadOnlyList<Observation> observations) => new()
    {
        Stack = Language.Shape.Name,
        DecidingSteps = 1,
        Rows = [.. observations.Select(o => Tokenizer.Encode(o.Instruction)).Select(ids => new PromptRow
        {
            Pictures = new Dictionary<string, PromptPicture> { [Observation.OnlyCamera] = new(0, 1, 1) },
            Words = [.. ids.Select((id, i) => new PromptWord(1 + i, id))],
            Deciding = ids.Length,
        })],
    };

    protected override PolicyRun Act(ActRequest request)
    {
        var layout = Layout(request.Observations);
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, layout.Rows.Count, Acted, layout.Kinds(), Language, request.Options.From);
        return new PolicyRun(run, layout, actions);

        Tensor? Acted(RunScope scope)
        {
            var words = TokenBatch.Of([.. layout.Rows.Select(r => (IReadOnlyList<int>)[.. r.Words.Select(w => w.Id)])]);
            var image = stack([.. request.Observations.Select(o => tensor(o.Picture.Rgb).to(float32) / tensor(255f))]).matmul(eye.t()).unsqueeze(1);
            var positions = words.Positions.Select(row => (IReadOnlyList<long>)[0, .. row.Select(p => p < 0 ? -1 : p + 1)]);
            var residual = Language.Read(scope, cat([image, Language.Embed(words.Ids)], 1), [.. positions], request.Options.From);   // (B, T, d)
            if (scope.StopsEarly)
            {
                return residual;
            }

            using var pass = scope.PassOver(tokens: 1);
            var column = request.Options.From?.Column ?? 0;
            var deciding = stack([.. layout.Rows.Select((row, b) => residual[b, row.Deciding - column])]).unsqueeze(1);              // (B, 1, d)
            var said = pass.At("hand", Point.Out, deciding.matmul(hand.t()));                                                        // (B, 1, 3)
            double[][] steps = [.. said.flatten(1).unbind().Select(s => s.data<float>().Select(v => (double)v).ToArray())];
            actions = [.. steps.Select(s => new PolicyAction([s], [s]))];
            return said;
        }
    }

    protected override PictureRecipe RecipeOf(Tower tower) => throw new VitrineException($"{Name}: has no towers.");

    /// <summary>Random eye and hand beside a text model's own weights.</summary>
    public static void Write(string folder, string around)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(around, "config.json")))!.AsObject();
        var width = (int)config["hidden_size"]!;
        File.WriteAllText(Path.Combine(folder, "config.json"), new JsonObject { ["model_type"] = "own", ["text_config"] = config }.ToJsonString());
        File.Copy(Path.Combine(around, "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        using var scope = NewDisposeScope();
        using var text = SafetensorsFile.Open(Path.Combine(around, "model.safetensors"));
        using var random = new Generator(0, CPU);
        var weights = text.Tensors.Keys.ToDictionary(name => $"language_model.{name}", name => text.Read(name));
        weights["eye"] = randn([width, Numbers], generator: random) * tensor(0.01f);
        weights["hand"] = randn([3, width], generator: random) * tensor(0.01f);
        SafetensorsFile.Save(Path.Combine(folder, "model.safetensors"), weights);
    }
}
