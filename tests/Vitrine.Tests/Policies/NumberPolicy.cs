using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Tests.Policies;

/// <summary>A policy unlike OpenVLA: chunks of numbers in one pass, a deciding stack called "brain" without a vocabulary, the units of two robots.</summary>
/// <remarks>
/// The brain is the fixtures' Llama without its head; the picture's colour is added to the last token, from whose residual the numbers are read.
/// </remarks>
internal sealed class NumberPolicy : Policy
{
    public const string Brain = "brain";
    private const int Horizon = 2;
    private static readonly Dictionary<string, double> Factors = new() { ["left_arm"] = 1, ["right_arm"] = -2 };
    private readonly Decoder brain;

    private NumberPolicy(ModelSource source, WeightReader weights, Decoder brain)
        : base(source, weights, [brain]) => this.brain = brain;

    public override Decoder Language => brain;

    public override Tokenizer Tokenizer => throw new VitrineException("numbers: has no tokenizer.");

    public override IReadOnlyList<string> ActionNames { get; } = ["shoulder", "elbow"];

    public override IReadOnlyCollection<string> UnitKeys => Factors.Keys;

    public static NumberPolicy Open()
    {
        var source = Catalog.Find(Fixtures.Of("models", "llama"));
        var weights = source.Weights(ModelOptions.Default);
        var whole = weights.Decoder(source.Config);
        var shape = whole.Shape with { Name = Brain, Vocabulary = 0 };
        return new NumberPolicy(source, weights, new Decoder(shape, whole.Blocks, whole.Embedding) { LastNorm = whole.LastNorm });
    }

    /// <summary>Pictures of one colour each.</summary>
    public static IReadOnlyList<Observation> States(int count)
        => [.. Enumerable.Range(0, count).Select(i => new Observation(OfColour((byte)(i * 20)), new string('a', 1 + (i % 3))))];

    public override PromptLayout Layout(IReadOnlyList<Observation> observations) => new()
    {
        Stack = Brain,
        DecidingSteps = 1,
        Rows =
        [
            .. observations.Select(o => new PromptRow
            {
                Pictures = new Dictionary<string, PromptPicture>(),
                Words = [.. Ids(o).Select((id, i) => new PromptWord(i, id))],
                Deciding = Ids(o).Length - 1,
            }),
        ],
    };

    protected internal override PictureRecipe RecipeOf(Tower tower) => throw new NotSupportedException();

    protected internal override PolicyRun Act(ActRequest request)
    {
        RequireUnits(request.Units);
        var (factor, layout) = (Factors[request.Units!], Layout(request.Observations));
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, layout.Rows.Count, Acted, layout.Kinds(), brain, request.Options.From);
        return new PolicyRun(run, layout, actions);

        Tensor? Acted(RunScope scope)
        {
            var batch = TokenBatch.Of([.. request.Observations.Select(o => (IReadOnlyList<int>)Ids(o))]);
            var embedded = brain.Embed(batch.Ids);
            foreach (var (row, observation) in request.Observations.Index())
            {
                var last = embedded[row, (int)batch.Lengths[row] - 1];
                last.copy_(last + tensor(observation.Picture.Rgb[0] / 255f));
            }

            var normed = brain.Read(scope, embedded, batch.Positions);
            var numbers = layout.Rows.Select((row, r) => normed[r, (int)row.Deciding].narrow(0, 0, Horizon * 2).data<float>().ToArray());
            actions = [.. numbers.Select(n => new PolicyAction(Chunk(n, 1), Chunk(n, factor)))];
            return null;
        }
    }

    private static Picture OfColour(byte value) => new(4, 4, [.. Enumerable.Repeat(value, 48)]);

    private static double[][] Chunk(float[] numbers, double factor) => [.. numbers.Select(n => n * factor).Chunk(2)];

    private static int[] Ids(Observation observation) => [1, .. observation.Instruction.Select(c => (int)c), 7];
}
