using Vitrine.Policies;

namespace Vitrine.Views;

/// <summary>What was opened.</summary>
public sealed record ModelDescription
{
    /// <summary>The model's name, as <c>embedded:tabletop</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Its stacks in the order in which a picture meets them: vision towers first, then language, then an action expert.</summary>
    public required IReadOnlyList<StackDescription> Stacks { get; init; }

    /// <summary>What joins the vision stacks to the language stack.</summary>
    public string Projector { get; init; } = "projector";

    /// <summary>Any policy: its stacks that have blocks.</summary>
    public static ModelDescription Of(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return new ModelDescription
        {
            Name = policy.Name,
            Stacks =
            [
                .. policy.Stacks.Where(s => s.Layers > 0).Select(s => new StackDescription
                {
                    Name = s.Name,
                    Role = policy.Towers.Any(t => t.Shape.Name == s.Name)
                        ? StackRole.Vision
                        : s.Name == policy.Language.Shape.Name ? StackRole.Language
                        : StackRole.Action,
                    Layers = s.Layers,
                    Width = s.Width,
                    Heads = s.Heads,
                    Neurons = s.Neurons,
                    Vocabulary = s.Vocabulary > 0 ? s.Vocabulary : null,
                    Parameters = policy.ParametersOfStack(s.Name),
                }),
            ],
        };
    }
}

/// <summary>What a stack takes in.</summary>
public enum StackRole
{
    /// <summary>Patches of a picture.</summary>
    Vision,

    /// <summary>The sequence of patches, words and action tokens.</summary>
    Language,

    /// <summary>A chunk of actions, beside the language stack.</summary>
    Action,
}

/// <summary>The size of one stack.</summary>
public sealed record StackDescription
{
    /// <summary>The stack's name, as in addresses of points.</summary>
    public required string Name { get; init; }

    /// <summary>What the stack takes in.</summary>
    public required StackRole Role { get; init; }

    /// <summary>Blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Width { get; init; }

    /// <summary>Attention heads of a block.</summary>
    public required int Heads { get; init; }

    /// <summary>Feed-forward neurons of a block.</summary>
    public required int Neurons { get; init; }

    /// <summary>Tokens of the vocabulary; null for a stack without one.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>Parameters of the stack.</summary>
    public required long Parameters { get; init; }
}
