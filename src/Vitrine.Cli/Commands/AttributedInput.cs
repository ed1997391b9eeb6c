using System.CommandLine;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine attribute</c> was given: a text, a picture, or an observation.</summary>
/// <param name="Subject">The model with it.</param>
/// <param name="What">In words.</param>
/// <param name="Pictures">As the model sees them, by camera; under the empty name where there is one.</param>
internal sealed record AttributedInput(Subject Subject, string What, Func<IReadOnlyDictionary<string, Picture>> Pictures) : IDisposable
{
    private IDisposable? Owned { get; init; }

    /// <summary>The model with what belongs to its kind.</summary>
    /// <exception cref="VitrineException">Its input is missing, or belongs to models of another kind.</exception>
    public static AttributedInput Of(Model model, string? prompt, string? image, ObservationOptions seen, ParseResult parsed)
    {
        var (kind, give, isGiven, hasOthers) = model switch
        {
            TextModel => ("a text model", "--prompt \"...\"", prompt is not null, image is not null || seen.IsGiven(parsed)),
            VisionModel => ("an image encoder", "--image FILE", image is not null, prompt is not null || seen.IsGiven(parsed)),
            _ => ("a policy", "PICTURE \"INSTRUCTION\"", seen.IsGiven(parsed), prompt is not null || image is not null),
        };
        if (!isGiven || hasOthers)
        {
            throw new VitrineException($"{model.Name}: is {kind}; say what it is given with {give}{(hasOthers ? ", and nothing else" : "")}.");
        }

        switch (model)
        {
            case TextModel text:
                return new AttributedInput(Subject.Of(text, prompt!), prompt!, () => new Dictionary<string, Picture>());
            case VisionModel { Labels: null } encoder:
                throw new VitrineException($"{encoder.Name}: has no class head, so that it gives no number to attribute; expected a classifier.");
            case VisionModel encoder:
                var input = encoder.Prepare(PictureFile.Read(image!, upright: true));
                return new AttributedInput(Subject.Of(encoder, input.Pixels), Path.GetFileName(image!), () => One(input.Shown)) { Owned = input };
            default:
                var (policy, observation) = ((Policy)model, seen.Observation(parsed));
                return new AttributedInput(
                    Subject.Of(policy, [observation], seen.Noise(parsed)), observation.Instruction, () => Shown(policy, observation));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Owned?.Dispose();

    private static Dictionary<string, Picture> Shown(Policy policy, Observation observation)
    {
        using var tower = policy.See();
        return observation.Cameras.ToDictionary(c => c.Key, c =>
        {
            using var prepared = tower.Prepare(c.Value);
            return prepared.Shown;
        });
    }

    private static Dictionary<string, Picture> One(Picture picture) => new() { [""] = picture };
}
