using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class DtypePolicyTests
{
    private const long Gigabyte = 1L << 30;

    [Theory]
    [InlineData(7_500_000_000, 64, ScalarType.Float32)]
    [InlineData(7_500_000_000, 24, ScalarType.BFloat16)]
    [InlineData(135_000_000, 2, ScalarType.Float32)]
    [InlineData(135_000_000, 1, ScalarType.BFloat16)]
    [InlineData(1, 0, ScalarType.BFloat16)]
    public void Auto_is_float32_when_weights_and_room_to_work_fit(long weights, long gigabytes, ScalarType expected)
        => DtypePolicy.Decide(weights, gigabytes * Gigabyte).ShouldBe(expected);

    [Fact]
    public void What_a_user_asks_for_is_not_second_guessed()
    {
        using var place = new Workplace();
        place.Write("model.safetensors", Material.Safetensors("""{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}""", 1, 2, 3, 4));
        using var checkpoint = Checkpoint.Open(place.Folder);
        DtypePolicy.Decide("float32", checkpoint, 0).ShouldBe(ScalarType.Float32);
        DtypePolicy.Decide("bfloat16", checkpoint, long.MaxValue).ShouldBe(ScalarType.BFloat16);
        DtypePolicy.Decide("float64", checkpoint, 0).ShouldBe(ScalarType.Float64);
        DtypePolicy.Decide("auto", checkpoint, 2 * Gigabyte).ShouldBe(ScalarType.Float32);
        Material.Refusal(() => DtypePolicy.Decide("float8", checkpoint, 0)).ShouldContain("'float8'");
    }

    [Fact]
    public void Matrices_stay_as_stored_when_asked_for_or_when_float32_does_not_fit()
    {
        using var place = new Workplace();
        place.Write("model.safetensors", Material.Safetensors("""{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}""", 1, 2, 3, 4));
        using var checkpoint = Checkpoint.Open(place.Folder);
        Keeps(WeightStorage.AsStored, ScalarType.Float32, long.MaxValue).ShouldBeTrue();
        Keeps(WeightStorage.Widened, ScalarType.Float32, 0).ShouldBeFalse();
        Keeps(WeightStorage.Auto, ScalarType.Float32, 2 * Gigabyte).ShouldBeFalse();
        Keeps(WeightStorage.Auto, ScalarType.Float32, 0).ShouldBeTrue();
        Keeps(WeightStorage.Auto, ScalarType.Float64, 0).ShouldBeFalse("float64 tells a bug from rounding: it is for small models");

        bool Keeps(WeightStorage storage, ScalarType dtype, long available) => DtypePolicy.KeepsStored(storage, checkpoint, dtype, () => available);
    }

    [Fact]
    public void A_format_of_the_same_width_is_no_format_that_is_computed_in()
    {
        using var place = new Workplace();
        place.Write("model.safetensors", Material.Safetensors(
            """{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[4,6]}}""", 1, 2, 3, 4, 5, 6));
        using var checkpoint = Checkpoint.Open(place.Folder);
        var memory = DtypePolicy.MemoryOf(checkpoint, ScalarType.BFloat16, () => 0);
        (memory.Mapped, memory.Made).ShouldBe((4, 2), "numbers in float16 become others in bfloat16");
    }

    [Fact]
    public void The_tighter_of_machine_and_control_group_counts()
    {
        using var place = new Workplace();
        File.WriteAllText(place.Of("proc", "meminfo"), "MemTotal:       32000000 kB\nMemFree: 1 kB\nMemAvailable:   16000000 kB\n");
        AvailableMemory.Read(place.Folder).ShouldBe(16_384_000_000);
        File.WriteAllText(place.Of("sys", "fs", "cgroup", "memory.max"), "max\n");
        File.WriteAllText(place.Of("sys", "fs", "cgroup", "memory.current"), "5000\n");
        AvailableMemory.Read(place.Folder).ShouldBe(16_384_000_000, "no limit is set");
        File.WriteAllText(place.Of("sys", "fs", "cgroup", "memory.max"), "8000\n");
        File.WriteAllText(place.Of("sys", "fs", "cgroup", "memory.stat"), "anon 1\ninactive_file 4000\n");
        AvailableMemory.Read(place.Folder).ShouldBe(7000, "pages of files are given back");
        File.WriteAllText(place.Of("sys", "fs", "cgroup", "memory.current"), "999999\n");
        AvailableMemory.Read(place.Folder).ShouldBe(0);
    }

    [Fact]
    public void This_machine_has_some() => AvailableMemory.Read().ShouldBeInRange(1 << 20, 1L << 50);
}
