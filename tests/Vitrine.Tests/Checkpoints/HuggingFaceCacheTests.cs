using Vitrine.Checkpoints;

namespace Vitrine.Tests.Checkpoints;

public sealed class HuggingFaceCacheTests
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    [Fact]
    public void A_fetched_model_is_found_by_name_branch_and_commit()
    {
        using var place = new Workplace();
        var snapshot = Fetched(place, "openvla/openvla-7b");
        HuggingFaceCache.Resolve("openvla/openvla-7b", cache: place.Folder).ShouldBe(snapshot);
        HuggingFaceCache.Resolve("openvla/openvla-7b", "refs/pr/1", place.Folder).ShouldBe(snapshot);
        HuggingFaceCache.Resolve("openvla/openvla-7b", Commit, place.Folder).ShouldBe(snapshot);
        using var checkpoint = Checkpoint.Open(snapshot);
        checkpoint.Names.ShouldBe(["a"]); // Links to blobs are followed.
    }

    [Fact]
    public void A_model_that_was_not_fetched_names_the_command_that_fetches_it()
    {
        using var place = new Workplace();
        Material.Refusal(() => HuggingFaceCache.Resolve("org/name", cache: place.Folder)).ShouldEndWith("Fetch it with: hf download org/name");
        Material.Refusal(() => HuggingFaceCache.Resolve("gpt2", "v2", place.Folder)).ShouldEndWith("hf download gpt2 --revision v2");
    }

    [Fact]
    public void A_revision_a_snapshot_or_a_blob_that_is_missing_is_named()
    {
        using var place = new Workplace();
        var snapshot = Fetched(place, "org/name");
        string Refused(string revision = "main") => Material.Refusal(() => HuggingFaceCache.Resolve("org/name", revision, place.Folder));

        var message = Refused("dev");
        message.ShouldContain("'dev' is not in the cache");
        message.ShouldContain("main");
        message.ShouldContain("hf download org/name --revision dev");

        File.Delete(Path.Combine(place.Folder, "models--org--name", "blobs", "weights"));
        message = Refused();
        message.ShouldContain("model.safetensors");
        message.ShouldContain("missing");
        message.ShouldContain("hf download org/name");

        Directory.Delete(snapshot, recursive: true);
        message = Refused();
        message.ShouldContain(Commit);
        message.ShouldContain("snapshot is missing");
        message.ShouldContain("hf download org/name");

        File.WriteAllText(place.Of("models--org--name", "refs", "main"), "../../../../etc");
        Refused().ShouldContain("expected a commit");
    }

    [Theory]
    [InlineData("../../etc", "main")]
    [InlineData("a/b/c", "main")]
    [InlineData("a--b/c", "main")]
    [InlineData("/etc", "main")]
    [InlineData("org/..", "main")]
    [InlineData("", "main")]
    [InlineData("org/name", "../../x")]
    [InlineData("org/name", "")]
    [InlineData("org/name", "/etc/passwd")]
    public void A_name_or_revision_that_leaves_the_cache_is_refused(string name, string revision)
    {
        using var place = new Workplace();
        Fetched(place, "org/name");
        Material.Refusal(() => HuggingFaceCache.Resolve(name, revision, place.Folder)).ShouldContain(" is no ");
    }

    [Fact]
    public void The_caches_place_follows_the_environment_in_the_hubs_order()
    {
        static string Of(params (string, string)[] variables) => HuggingFaceCache.FolderOf(k => variables.FirstOrDefault(v => v.Item1 == k).Item2, "/home/x");
        Of().ShouldBe("/home/x/.cache/huggingface/hub");
        Of(("XDG_CACHE_HOME", "/c")).ShouldBe("/c/huggingface/hub");
        Of(("XDG_CACHE_HOME", "/c"), ("HF_HOME", "/h")).ShouldBe("/h/hub");
        Of(("HF_HOME", "~/h")).ShouldBe("/home/x/h/hub");
        Of(("HF_HOME", "/h"), ("HF_HUB_CACHE", "/b")).ShouldBe("/b");
        Of(("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", "/old")).ShouldBe("/old");
    }

    [Fact]
    public void A_model_is_found_as_a_folder_a_file_or_a_name()
    {
        using var place = new Workplace();
        var gguf = place.Write("model.gguf", new GgufBuilder().Build());
        ModelLocation.Resolve(gguf).ShouldBe(new ModelLocation(gguf, place.Folder, gguf));
        ModelLocation.Resolve(place.Folder).Weights.ShouldBe(gguf);
        File.WriteAllText(place.Of("config.json"), "{}");
        ModelLocation.Resolve(place.Folder).ShouldBe(new ModelLocation(place.Folder, place.Folder, null));
        File.Delete(place.Of("config.json"));
        place.Write("other.gguf", []);
        Material.Refusal(() => ModelLocation.Resolve(place.Folder)).ShouldContain("2 .gguf files");
        Material.Refusal(() => ModelLocation.Resolve(place.Write("model.onnx", []))).ShouldContain("is an ONNX graph");
        Material.Refusal(() => ModelLocation.Resolve("./no/such/folder")).ShouldContain("no such folder");
        Material.Refusal(() => ModelLocation.Resolve("vitrine-tests/never-fetched")).ShouldContain("hf download vitrine-tests/never-fetched");
        Material.Refusal(() => ModelLocation.Resolve("vitrine-tests/never-fetched@v1")).ShouldContain("--revision v1");
    }

    private static string Fetched(Workplace place, string name)
    {
        var model = $"models--{name.Replace("/", "--", StringComparison.Ordinal)}";
        File.WriteAllText(place.Of(model, "refs", "main"), Commit + "\n");
        File.WriteAllText(place.Of(model, "refs", "refs", "pr", "1"), Commit);
        File.WriteAllBytes(place.Of(model, "blobs", "weights"), Material.Safetensors("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 9));
        var link = place.Of(model, "snapshots", Commit, "model.safetensors");
        File.CreateSymbolicLink(link, Path.Combine("..", "..", "blobs", "weights"));
        return Path.GetDirectoryName(link)!;
    }
}
