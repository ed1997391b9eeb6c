using Vitrine.Certification.Certified;
using Vitrine.Checkpoints;
using Vitrine.Cli.Commands;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Cli.Inspecting;

/// <summary>Opens a model of any kind and says what it is made of.</summary>
internal static class Inspector
{
    /// <param name="name">A folder, a .gguf file, ORG/NAME in the local cache, or an embedded policy.</param>
    /// <exception cref="VitrineException">There is no such model, or it cannot be opened.</exception>
    public static Inspection Open(string name)
    {
        var (location, kind) = FoundModel.Find(name);
        var weights = StoredWeights.Of(location.Weights);
        return kind switch
        {
            FamilyKind.Policy => OfPolicy(location, weights),
            FamilyKind.Image => OfImage(location, weights),
            _ => OfText(location, weights),
        };
    }

    private static Inspection OfPolicy(ModelLocation location, StoredWeights weights)
    {
        using var policy = OpenVlaPolicy.Open(location.Folder, weights.Auto);
        return new Inspection
        {
            Name = location.Name,
            Folder = location.Folder,
            Kind = FamilyKind.Policy,
            Family = KnownFamilies.Policy,
            Fingerprint = policy.Fingerprint,
            Weights = weights,
            Stacks = Stacks(policy.Stacks, [.. policy.Towers.Select(t => t.Stack), policy.Language]),
            Tokenizer = Tokens(policy.Tokenizer, chatTemplate: false),
            Picture = policy.Recipe.Steps,
            ImageTokens = policy.ImageTokens,
            UnnormKeys = policy.UnnormKeys,
            ActionTokens = new ActionRange(policy.Actions.FirstId, policy.Actions.Count),
            Certified = Certified(KnownFamilies.Policy),
        };
    }

    private static Inspection OfImage(ModelLocation location, StoredWeights weights)
    {
        using var model = VisionModel.Open(location.Folder, weights.Auto);
        var absent = new List<string>();
        return new Inspection
        {
            Name = location.Name,
            Folder = location.Folder,
            Kind = FamilyKind.Image,
            Family = model.Family,
            Fingerprint = model.Fingerprint,
            Weights = weights,
            Stacks = Stacks(model.Stacks, [model.Vision.Stack, .. model.Text is { } text ? [text.Text.Stack] : Array.Empty<Stack>()]),
            Picture = OrAbsent("picture recipe", () => PictureModel.RecipeOf(location.Folder), absent)?.Steps,
            Classes = model.Labels?.Names,
            Absent = absent,
            Certified = Certified(model.Family),
        };
    }

    private static Inspection OfText(ModelLocation location, StoredWeights weights)
    {
        using var model = LanguageModel.OpenModel(location.Weights, weights.Auto);
        var absent = new List<string>();
        var tokenizer = OrAbsent("tokenizer", () => LanguageModel.OpenTokenizer(location.Weights), absent);
        var template = tokenizer is null ? null : OrAbsent("chat template", () => LanguageModel.OpenChatTemplate(location.Weights), absent);
        return new Inspection
        {
            Name = location.Name,
            Folder = location.Folder,
            Kind = FamilyKind.Text,
            Family = model.Family,
            Fingerprint = model.Fingerprint,
            Weights = weights,
            Stacks = Stacks(model.Stacks, [model.Language]),
            Tokenizer = tokenizer is null ? null : Tokens(tokenizer, template is not null),
            Classes = model.Labels?.Names,
            Absent = absent,
            Certified = Certified(model.Family),
        };
    }

    private static InspectedStack[] Stacks(IReadOnlyList<StackShape> shapes, IReadOnlyList<Stack> stacks)
        => [.. shapes.Select(s => Describe(s, stacks.FirstOrDefault(t => t.Shape.Name == s.Name)))];

    private static InspectedStack Describe(StackShape shape, Stack? stack) => new(
        shape.Name, shape.Layers, shape.Width, shape.Heads, shape.KeyValueHeads, shape.HeadWidth, shape.Neurons, shape.Vocabulary,
        [.. PointVocabulary.All.Where(shape.Points.Contains).Select(p => p.Name())],
        stack is null ? [] : LayerGroups.Of(stack.Specs),
        stack is not null && shape.Vocabulary > 0 && stack.Spec.Attention.Causal ? new DecodingProducts(stack.RowProducts, stack.Matrices) : null);

    private static InspectedTokenizer Tokens(Tokenizer tokenizer, bool chatTemplate)
        => new(tokenizer.Kind, tokenizer.VocabularySize, [.. tokenizer.SpecialIds.Select(id => new SpecialToken(id, tokenizer.Token(id)))], chatTemplate);

    private static string Certified(string family) => CertifiedFile.Embedded().Find(family)?.Summary ?? $"nothing was certified of {family}";

    private static T? OrAbsent<T>(string what, Func<T> open, List<string> absent)
        where T : class
    {
        try
        {
            return open();
        }
        catch (VitrineException e)
        {
            absent.Add($"{what}: {e.Message}");
            return null;
        }
    }
}
