using System.CommandLine;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine neurons</c> and <c>vitrine concepts</c> are asked about pictures: which ones, and what is read around them.</summary>
internal sealed class ShownPictures
{
    private readonly PicturesOption images = PicturesOption.Create();
    private readonly Option<string?> prompt = new("--prompt")
    {
        Description = "With --image: what the model reads with its pictures; the pictures alone by default.",
    };


    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(images);
        command.Add(prompt);
    }

    /// <summary>The prompt with its pictures; null where no picture is named.</summary>
    /// <exception cref="VitrineException">The model sees no pictures, a file is none, or the prompt has other placeholders than there are pictures.</exception>
    public TokenBatch? Batch(ParseResult parsed, Model model)
    {
        var pictures = images.Read(parsed);
        if (pictures.Count == 0)
        {
            return parsed.GetValue(prompt) is null ? null : throw new VitrineException("--prompt: names no pictures; it goes with --image.");
        }

        return model is TextModel { Sees: true } seeing
            ? seeing.Encode([new PicturePrompt(parsed.GetValue(prompt) ?? string.Concat(pictures.Select(_ => seeing.PicturePlaceholder)), pictures)])
            : throw new VitrineException($"--image: {pictures.Count} pictures for a {model.Family} model, which reads none in a prompt; expected a model of "
                + "pictures and texts.");
    }
}
