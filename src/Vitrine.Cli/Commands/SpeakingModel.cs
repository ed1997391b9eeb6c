using Vitrine.Certification.Certified;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Cli.Commands;

/// <summary>A model with a vocabulary, whose value vectors can be read: a text model, or a policy with its action tokens.</summary>
internal sealed class SpeakingModel : IDisposable
{
    private readonly IDisposable owner;

    private SpeakingModel(string name, IDisposable owner, Stack language, string fingerprint, TokenReader tokens, ActionTokens? actions)
        => (Name, this.owner, Language, Fingerprint, Tokens, Actions) = (name, owner, language, fingerprint, tokens, actions);

    /// <summary>As the user wrote it.</summary>
    public string Name { get; }

    /// <summary>The blocks.</summary>
    public Stack Language { get; }

    /// <summary>Identifies the weights.</summary>
    public string Fingerprint { get; }

    /// <summary>Its vocabulary.</summary>
    public TokenReader Tokens { get; }

    /// <summary>The code of actions as tokens; null for a text model.</summary>
    public ActionTokens? Actions { get; }

    /// <exception cref="VitrineException">There is no such model, or it has no vocabulary.</exception>
    public static SpeakingModel Open(string name)
    {
        var found = FoundModel.Find(name);
        if (found.Kind == FamilyKind.Image)
        {
            throw new VitrineException($"{name}: is an image encoder, which has no vocabulary; expected a text model or a policy.");
        }

        if (found.Kind == FamilyKind.Policy)
        {
            var policy = OpenVlaPolicy.Open(found.Location.Folder);
            return new SpeakingModel(name, policy, policy.Language, policy.Fingerprint, new TokenReader(policy), policy.Actions);
        }

        var model = LanguageModel.Open(found.Location.Weights);
        if (model.Model.Language.Shape.Vocabulary == 0)
        {
            model.Dispose();
            throw new VitrineException($"{name}: this {model.Model.Family} model has no head over a vocabulary; its value vectors cannot be read in words.");
        }

        return new SpeakingModel(name, model, model.Model.Language, model.Model.Fingerprint, new TokenReader(model), null);
    }

    /// <summary>The code of actions.</summary>
    /// <exception cref="VitrineException">It is a text model.</exception>
    public ActionTokens RequireActions(string option) => Actions ?? throw new VitrineException($"{Name}: is a text model, which has no action tokens; {option} asks for a policy.");

    /// <inheritdoc/>
    public void Dispose() => owner.Dispose();
}
