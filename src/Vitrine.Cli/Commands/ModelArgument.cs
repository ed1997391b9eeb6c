using System.CommandLine;
using Vitrine.Checkpoints;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>How verbs ask for a model, each kind in the same words.</summary>
internal static class ModelArgument
{
    private const string Cached = "ORG/NAME in the local cache";

    /// <summary>Models that come along.</summary>
    private static string Embedded => string.Join(" or ", Policies.Policy.Catalog.Embedded);

    /// <summary>Any model.</summary>
    public static Argument<string?> Any() => Completed(new Argument<string?>("MODEL")
    {
        Description = $"Any model: a folder, a .gguf file, {Cached}, or {Embedded}.",
        Arity = ArgumentArity.ZeroOrOne,
    });

    /// <summary>Opens what <see cref="Speaking"/> asked for.</summary>
    /// <returns>A <see cref="TextModel"/> or a <see cref="Policies.Policy"/>.</returns>
    /// <exception cref="VitrineException">There is no such model, or one of another kind.</exception>
    public static Model OpenSpeaking(string name, ModelOptions options)
    {
        NativeCompute.LoadAhead();
        var found = Policies.Policy.Catalog.Find(name, options: options);
        return found.Family.Kind is ModelKind.Policy or ModelKind.Text ? ModelCatalog.Open(found, options) : TextModel.Open(name, options);
    }

    /// <summary>A model with a vocabulary: a text model or a policy.</summary>
    public static Argument<string> Speaking() => Completed(new Argument<string>("MODEL")
    {
        Description = $"A text model or a policy: a folder, a .gguf file, {Cached}, or {Embedded}.",
    });

    /// <summary>A model that sees pictures.</summary>
    public static Argument<string> Image() => Completed(new Argument<string>("MODEL")
    {
        Description = $"An image encoder, a model of pictures and texts, or a policy: a folder, {Cached}, or {Embedded}.",
    });

    /// <summary>A policy.</summary>
    public static Argument<string> Policy() => Completed(new Argument<string>("POLICY") { Description = $"A policy: a folder, {Cached}, or {Embedded}." });

    /// <summary>A policy, or the scripted one; the one that comes along by default.</summary>
    public static Argument<string> PolicyOrExpert() => Completed(new Argument<string>("POLICY")
    {
        Description = $"A policy: a folder, {Cached}, or {Embedded}; or 'expert' for the scripted one.",
        DefaultValueFactory = _ => "embedded:tabletop",
    });

    /// <summary>The same argument; shells complete the models that come along.</summary>
    public static Argument<T> Completed<T>(Argument<T> argument)
    {
        argument.CompletionSources.Add([.. Policies.Policy.Catalog.Embedded]);
        return argument;
    }
}
