using Vitrine.Certification.Certified;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Cli.Inspecting;

/// <summary>Opens a model of any kind and says what it is made of.</summary>
internal static class Inspector
{
    /// <param name="name">A folder, a .gguf file, ORG/NAME in the local cache, or an embedded policy.</param>
    /// <param name="opening">How, but for what it computes in and where.</param>
    /// <param name="onProcessor">Whether it is to compute on the processor.</param>
    /// <param name="fingerprint">Whether every byte of the weights is read for it; the rest stands in their headers.</param>
    /// <exception cref="VitrineException">There is no such model, or it cannot be opened.</exception>
    public static Inspection Open(string name, ModelOptions opening, bool onProcessor, bool fingerprint)
    {
        var source = Policy.Catalog.Find(name, options: opening);
        var weights = StoredWeights.Of(source.Location);
        using var model = ModelCatalog.Open(source, opening with { Dtype = weights.Auto, Outline = true });
        var absent = new List<string>();
        var inspection = new Inspection
        {
            Name = source.Location.Name,
            Folder = source.Location.Folder,
            Kind = source.Family.Kind,
            Family = model.Family,
            Fingerprint = fingerprint ? model.Fingerprint : null,
            Weights = weights,
            Files = ModelFolder.Describe(source, model, opening),
            Stacks = Stacks(model.Stacks, [.. model.Towers, .. model.Decoders], onProcessor),
            Certified = Certified(model.Family),
        };
        inspection = model switch
        {
            Policy policy => OfPolicy(inspection, policy, absent),
            VisionModel encoder => inspection with
            {
                Picture = OrAbsent("picture recipe", () => encoder.Recipe, absent)?.Steps,
                Classes = encoder.Labels?.Names,
            },
            TextModel text => OfText(inspection, text, absent),
            _ => inspection,
        };
        return inspection with { Absent = absent };
    }

    private static Inspection OfPolicy(Inspection inspection, Policy policy, List<string> absent) => inspection with
    {
        Tokenizer = OrAbsent("tokenizer", () => policy.Tokenizer, absent) is { } tokenizer ? Tokens(tokenizer, chatTemplate: false) : null,
        Picture = policy.Recipe?.Steps,
        ImageTokens = policy.Towers.Count > 0 ? policy.ImageTokens : null,
        UnnormKeys = policy.UnitKeys,
        Dead = [.. policy.Stacks.SelectMany(s => s.Places()).Where(p => !policy.ReachesAction(p)).Select(p => p.ToString())],
        ActionTokens = policy.Actions is { } actions ? new ActionRange(actions.FirstId, actions.Count) : null,
    };

    private static Inspection OfText(Inspection inspection, TextModel text, List<string> absent)
    {
        var tokenizer = OrAbsent("tokenizer", () => text.Tokenizer, absent);
        var template = tokenizer is null ? null : OrAbsent("chat template", text.ChatTemplate, absent);
        return inspection with
        {
            Tokenizer = tokenizer is null ? null : Tokens(tokenizer, template is not null),
            Classes = text.Labels?.Names,
            Picture = text.Sees ? OrAbsent("picture recipe", () => text.Recipe, absent)?.Steps : null,
            Generation = OrAbsent("generation", () => text.GenerationSettings, absent)?.Described,
        };
    }

    private static InspectedStack[] Stacks(IReadOnlyList<StackShape> shapes, IReadOnlyList<Stack> stacks, bool onProcessor)
        => [.. shapes.Select(s => Describe(s, stacks.FirstOrDefault(t => t.Shape.Name == s.Name), onProcessor))];

    private static InspectedStack Describe(StackShape shape, Stack? stack, bool onProcessor) => new(
        shape.Name, shape.Layers, shape.Width, shape.Heads, shape.KeyValueHeads, shape.HeadWidth, shape.Neurons, shape.Vocabulary,
        [.. shape.Points.Order().Select(p => p.Name)],
        stack is null ? [] : LayerGroups.Of(stack.Specs),
        stack is not null && shape.Vocabulary > 0 && stack.Spec.Attention.Mask is AttentionMask.Causal or AttentionMask.Prefix
            ? new DecodingProducts(onProcessor ? stack.RowProducts : 0, stack.Matrices)
            : null);

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
