using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Captures;

namespace Vitrine.Tests.Checkpoints;

/// <summary>Files that are written over while a model is open: no record is made under their name.</summary>
public sealed class FileStampTests : IDisposable
{
    private static readonly int[][] Prompts = [[3, 4, 5], [6, 7], [8]];
    private readonly PatchedModel patched = new(Fixtures.Of("models", "llama"));

    [Theory, InlineData(false), InlineData(true)]
    public void Weights_that_are_written_over_in_place_have_no_fingerprint(bool wasAsked)
    {
        using var model = TextModel.Open(patched.Folder);
        if (wasAsked)
        {
            model.Fingerprint.Length.ShouldBe(64);
        }

        using var before = model.Run(TokenBatch.Of(3, 4, 5));
        patched.Set(patched.NameOf("lm_head.weight"), 100);
        Refusal(() => _ = model.Fingerprint);
        Refusal(model.RequireUnchanged);
    }

    [Fact]
    public void Weights_that_are_replaced_have_none_either_and_run_as_they_did()
    {
        using var model = TextModel.Open(patched.Folder);
        using var before = model.Run(TokenBatch.Of(3, 4, 5));
        using var other = new PatchedModel(patched.Folder);
        other.Set(other.NameOf("lm_head.weight"), 100);
        File.Move(other.WeightsFile, patched.WeightsFile, overwrite: true);
        Refusal(() => _ = model.Fingerprint);
        using var after = model.Run(TokenBatch.Of(3, 4, 5));
        after.Logits.ShouldEqualBitByBit(before.Logits, "the old file is still mapped");
    }

    [Fact]
    public void Weights_that_are_gone_are_named()
    {
        using var model = TextModel.Open(patched.Folder);
        File.Delete(patched.WeightsFile);
        Material.Refusal(() => _ = model.Fingerprint).ShouldContain(patched.WeightsFile);
    }

    [Fact]
    public void Weights_that_are_written_with_what_they_hold_are_refused_too()
    {
        // Whether every byte is the old one cannot be told from length and time; to say no is right, to say yes would be a guess.
        using var model = TextModel.Open(patched.Folder);
        File.WriteAllBytes(patched.WeightsFile, File.ReadAllBytes(patched.WeightsFile));
        Refusal(() => _ = model.Fingerprint);
    }

    [Fact]
    public void What_nobody_touches_keeps_its_fingerprint()
    {
        using var model = TextModel.Open(patched.Folder);
        using var fixture = TextModel.Open(Fixtures.Of("models", "llama"));
        model.Fingerprint.ShouldBe(fixture.Fingerprint);
        model.RequireUnchanged();
        model.Fingerprint.ShouldBe(fixture.Fingerprint);
    }

    [Fact]
    public void A_file_beside_a_policy_s_weights_counts_and_one_that_came_later_does_not()
    {
        using var embedded = Policy.Open("embedded:tabletop");
        using var copy = new PatchedModel(embedded.Folder);
        using var policy = Policy.Open(copy.Folder);
        using var acting = policy.With();
        File.WriteAllText(Path.Combine(copy.Folder, "calibration.json"), "{}");
        acting.Fingerprint.ShouldBe(embedded.Fingerprint);
        var statistics = Path.Combine(copy.Folder, "dataset_statistics.json");
        File.AppendAllText(statistics, " ");
        Material.Refusal(() => _ = acting.Fingerprint).ShouldContain(statistics);
        using var reopened = Policy.Open(copy.Folder);
        reopened.Fingerprint.ShouldNotBe(embedded.Fingerprint);
    }

    [Fact]
    public void A_capture_ends_where_its_weights_are_written_over_and_keeps_what_was_done()
    {
        using var model = TextModel.Open(patched.Folder);
        var folder = Path.Combine(patched.Folder, "capture");
        Refusal(() => CaptureWriter.Write(model, Prompts, RunPlan.Capturing("language.0.resid_post"), folder, chunkSize: 1,
            new AfterFirst(() => patched.Set(patched.NameOf("lm_head.weight"), 100))));
        Directory.GetFiles(folder, "*.safetensors").Length.ShouldBe(1);
    }

    [Fact]
    public void A_fingerprint_covers_all_that_a_link_leads_to()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "links need rights elsewhere");
        using var place = new Workplace();
        string[] links = [.. Enumerable.Range(0, 2).Select(i =>
        {
            var blob = place.Of($"blob-{i}");
            using (var file = File.Create(blob))
            {
                file.SetLength((1 << 25) + 8);
                file.Position = 1 << 25;
                file.WriteByte((byte)i);
            }

            return File.CreateSymbolicLink(place.Of($"link-{i}"), blob).FullName;
        })];
        FileHash.Of([links[0]]).ShouldNotBe(FileHash.Of([links[1]]), "they differ behind the first 32 MB");
        FileHash.Of([links[1]]).ShouldBe(FileHash.Of([place.Of("blob-1")]));
    }

    public void Dispose() => patched.Dispose();

    private void Refusal(Action act)
    {
        var message = Material.Refusal(act);
        message.ShouldContain(patched.WeightsFile);
        message.ShouldContain("written over or replaced");
    }

    private sealed class AfterFirst(Action act) : IProgress<int>
    {
        public void Report(int value)
        {
            if (value == 1)
            {
                act();
            }
        }
    }
}
