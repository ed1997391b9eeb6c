using Vitrine.Policies;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Tests.Policies.LeRobot;

/// <summary>What a LeRobot folder's policy was made from: listed, and part of what identifies it.</summary>
public sealed class FolderFileTests
{
    [Theory]
    [InlineData("smolvla", "vlm/")]
    [InlineData("pi0", "tokenizer/")]
    [InlineData("pi05", "tokenizer/")]
    [InlineData("pi0-fast", "fast/")]
    [InlineData("act", "model.safetensors")]
    public void Pipelines_statistics_and_tokenizers_are_read_and_said_to_be(string name, string further)
    {
        using var policy = FlowExample.Open(name, FlowExample.Folder(name));
        var options = FlowExample.Options(name);
        var files = ModelFolder.Describe(Policy.Catalog.Find(FlowExample.Folder(name), ModelKind.Policy, options), policy, options);
        string[] read = [.. files.Where(f => f.IsRead).Select(f => f.Name)];
        read.Count(f => f.StartsWith("policy_", StringComparison.Ordinal)).ShouldBe(4);
        read.ShouldContain(further);
        read.ShouldNotContain("meta.json");
        read.ShouldNotContain("golden.safetensors");
    }

    [Theory]
    [InlineData("policy_preprocessor.json")]
    [InlineData("policy_postprocessor_step_0_unnormalizer_processor.safetensors")]
    [InlineData("vlm/tokenizer.json")]
    [InlineData("vlm/config.json")]
    public void A_file_that_changes_numbers_changes_the_fingerprint(string file)
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy("smolvla", place.Folder);
        string before;
        using (var policy = FlowExample.Open("smolvla", folder))
        {
            before = policy.Fingerprint;
        }

        using (var policy = FlowExample.Open("smolvla", folder))
        {
            // A space behind JSON, and a padded header in front of the same numbers, mean the same; only the bytes tell.
            var path = Path.Combine(folder, file);
            var bytes = File.ReadAllBytes(path);
            File.WriteAllBytes(path, file.EndsWith(".json", StringComparison.Ordinal) ? [.. bytes, (byte)' '] : Padded(bytes));
            Should.Throw<VitrineException>(() => policy.RequireUnchanged()).Message.ShouldContain(Path.GetFileName(file));
        }

        using var after = FlowExample.Open("smolvla", folder);
        after.Fingerprint.ShouldNotBe(before);
    }

    /// <summary>A safetensors file whose header ends in eight more spaces.</summary>
    private static byte[] Padded(byte[] file)
    {
        var length = BitConverter.ToInt64(file);
        return [.. BitConverter.GetBytes(length + 8), .. file.AsSpan(8, (int)length), .. "        "u8, .. file.AsSpan(8 + (int)length)];
    }
}
