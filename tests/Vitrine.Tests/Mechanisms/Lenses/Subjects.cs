using Vitrine.Policies;
using Vitrine.Tests.Mechanisms.Pictures;
using Vitrine.Tests.Policies;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;
using Subject = Vitrine.Mechanisms.Metrics.Subject;

namespace Vitrine.Tests.Mechanisms.Lenses;

/// <summary>Subjects of every family of the fixtures that answers something.</summary>
internal static class Subjects
{
    public static TheoryData<string> Texts() => TextFixtures.Decoders();

    public static TheoryData<string> Classifiers() =>
        ["llama-classifier", "gpt2-classifier", "bert-classifier", "distilbert-classifier", "vit-classifier"];

    public static TheoryData<string> Policies() =>
        ["embedded:tabletop", "embedded:tabletop-flow", "openvla", "openvla-oft", "act", "smolvla", "pi0", "pi05", "pi0-fast"];

    public static TextModel Text(string name) => TextModel.Open(Fixtures.Of("models", name));

    public static Subject Prompt(TextModel model, string name) => Subject.Of(model, TokenBatch.Of(TextFixtures.Prompt(name)));

    public static Policy Policy(string name)
        => name.StartsWith("embedded:", StringComparison.Ordinal) ? Vitrine.Policies.Policy.Open(name)
            : Vitrine.Policies.Policy.Open(Fixtures.Of("models", name), PolicyExample.Options(name));

    /// <summary>In units that it has, where it has several.</summary>
    public static Policy InUnits(this Policy policy)
        => policy.UnitKeys.Count > 1 ? policy.With(units: policy.UnitKeys.Order(StringComparer.Ordinal).First()) : policy;

    public static Subject Acting(Policy policy, string name)
        => Subject.Of(policy.InUnits(), name.StartsWith("embedded:", StringComparison.Ordinal) ? TabletopStates.ForTest(seed: 5, count: 2)
            : [PolicyExample.Observe(name)]);

    /// <summary>A classifier with what its golden shows it; the owner is disposed by the caller.</summary>
    public static (IDisposable Owner, Subject Subject) Classifier(string name)
    {
        if (Encoder.Names().Any(row => row.Data == name))
        {
            var encoder = Encoder.Open(name);
            return (encoder, Subject.Of(encoder.Model, encoder.Pixels));
        }

        var model = Text(name);
        using var fixture = Vitrine.Certification.Fixture.Open(Fixtures.Of("models", name));
        var ids = fixture.Keys.First(k => k.EndsWith("in.input_ids", StringComparison.Ordinal));
        return (model, Subject.Of(model, TokenBatch.Of(fixture.IdRows(ids)[0])));
    }
}
