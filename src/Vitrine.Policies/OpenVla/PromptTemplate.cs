namespace Vitrine.Policies.OpenVla;

/// <summary>How an instruction is put to an OpenVLA checkpoint: words before and behind it, as the training had them.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Before">What stands before the instruction.</param>
/// <param name="After">What stands behind it.</param>
/// <remarks>Source: openvla, experiments/robot/openvla_utils.py, get_vla_action.</remarks>
public sealed record PromptTemplate(string Name, string Before, string After)
{
    private const string OldCheckpoints = "openvla-v01";

    /// <summary>openvla-7b and every fine-tune of it.</summary>
    public static PromptTemplate Current { get; } = new("current", "In: What action should the robot take to ", "?\nOut:");

    /// <summary>The openvla-v01 checkpoints, which began as a chat model (Vicuna).</summary>
    public static PromptTemplate V01 { get; } = new(
        "v01",
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's "
            + "questions. USER: What action should the robot take to ",
        "? ASSISTANT:");

    /// <summary>The template of a checkpoint: the old one where the model's name says so.</summary>
    /// <param name="folder">Where it lies: a folder of that name, or a snapshot in the cache of Hugging Face, whose folder two levels up has the name.</param>
    /// <param name="savedFrom">The <c>_name_or_path</c> of config.json, where it has one.</param>
    public static PromptTemplate Of(string folder, string? savedFrom)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var at = new DirectoryInfo(Path.GetFullPath(folder));
        string?[] names = [at.Name, at.Parent is { Name: "snapshots", Parent: { } cached } ? cached.Name : null, savedFrom];
        return names.Any(n => n?.Contains(OldCheckpoints, StringComparison.Ordinal) == true) ? V01 : Current;
    }

    /// <summary>The whole prompt; the instruction in lower case.</summary>
    public string Text(string instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
#pragma warning disable CA1308 // The template asks for lower case.
        return Before + instruction.ToLowerInvariant() + After;
#pragma warning restore CA1308
    }
}
