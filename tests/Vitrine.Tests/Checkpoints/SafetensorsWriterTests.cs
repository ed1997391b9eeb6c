using CsCheck;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class SafetensorsWriterTests
{
    [Fact]
    public void Every_format_comes_back_as_it_was_written()
    {
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        var numbers = linspace(-3, 3, 7, ScalarType.Float64);
        var tensors = new Dictionary<Dtype, Tensor>
        {
            [Dtype.Bool] = tensor([true, false, true]),
            [Dtype.U8] = arange(0, 256, ScalarType.Byte),
            [Dtype.I8] = arange(-128, 128, ScalarType.Int8),
            [Dtype.I16] = tensor(new short[] { short.MinValue, 0, short.MaxValue }),
            [Dtype.U16] = tensor([0, 1, 65535]),
            [Dtype.F16] = numbers.to(ScalarType.Float16),
            [Dtype.BF16] = numbers.to(ScalarType.BFloat16),
            [Dtype.I32] = tensor([int.MinValue, int.MaxValue]),
            [Dtype.U32] = tensor([0L, 4294967295L]),
            [Dtype.F32] = numbers.to(ScalarType.Float32).view(7, 1),
            [Dtype.C64] = complex(numbers.to(ScalarType.Float32), numbers.to(ScalarType.Float32)),
            [Dtype.F64] = numbers,
            [Dtype.I64] = tensor([long.MinValue, long.MaxValue]),
            [Dtype.U64] = tensor([0L, long.MaxValue]),
            [Dtype.F8E4M3] = tensor([0f, -0.001953125f, 448f, 1.125f]),
            [Dtype.F8E5M2] = tensor([57344f, -1.25f, float.PositiveInfinity, 1.52587890625e-05f]),
            [Dtype.F8E8M0] = tensor([1f, 0.5f, 1.7014118346046923e+38f, 5.877471754111438e-39f]),
        };
        tensors.Keys.ShouldBe(Enum.GetValues<Dtype>(), ignoreOrder: true);
        var path = place.Of("all.safetensors");
        var metadata = new Dictionary<string, string> { ["format"] = "pt", ["näme \"quoted\""] = "🤖\n" };
        using (var writer = SafetensorsWriter.Create(path,
            [.. tensors.Select(t => new TensorPlan($"t.{t.Key}", t.Key, t.Value.shape)), new TensorPlan("scalar", Dtype.F32, []),
                new TensorPlan("empty", Dtype.F32, [0, 3])], metadata))
        {
            foreach (var (dtype, value) in tensors.Reverse())
            {
                writer.Write($"t.{dtype}", value);
            }

            writer.Write("scalar", tensor(2.5f));
            writer.Write("empty", zeros(0, 3));
            File.Exists(path).ShouldBeFalse("nothing has the name before it is complete");
            writer.Finish();
        }

        Directory.GetFiles(place.Folder).ShouldBe([path]);
        using var file = SafetensorsFile.Open(path);
        file.Metadata.ShouldBe(metadata, ignoreOrder: true);
        foreach (var (dtype, value) in tensors)
        {
            file.Tensors[$"t.{dtype}"].Dtype.ShouldBe(dtype);
            (file.Tensors[$"t.{dtype}"].Begin % dtype.Size()).ShouldBe(0, "a reader must not have to copy");
            using var back = file.Read($"t.{dtype}");
            back.ShouldEqualBitByBit(value, dtype.ToString());
        }

        using var scalar = file.Read("scalar");
        scalar.shape.ShouldBeEmpty();
        scalar.item<float>().ShouldBe(2.5f);
        using var none = file.Read("empty");
        none.shape.ShouldBe([0, 3]);
    }

    [Fact]
    public void The_nearest_8_bit_float_is_written_ties_to_even()
        => Gen.Select(Gen.Int[0, 2].Select(i => new[] { Dtype.F8E4M3, Dtype.F8E5M2, Dtype.F8E8M0 }[i]), Gen.Float[-400, 400]).Sample((dtype, x) =>
        {
            var finite = Float8.Values(dtype).Where(float.IsFinite).ToArray();
            if (!Float8.TryEncode(dtype, x, out var code))
            {
                (dtype == Dtype.F8E8M0 && x < finite[0]).ShouldBeTrue($"{dtype} refuses {x}");
                return;
            }

            var error = Math.Abs((double)Float8.Values(dtype)[code] - x);
            error.ShouldBe(finite.Min(v => Math.Abs((double)v - x)), $"{dtype} {x}");
        }, iter: 2000);

    [Theory]
    [InlineData(Dtype.F8E4M3, 449f)]
    [InlineData(Dtype.F8E5M2, 60000f)]
    [InlineData(Dtype.F8E4M3, float.PositiveInfinity)]
    [InlineData(Dtype.F8E8M0, 0f)]
    public void A_value_that_a_format_cannot_hold_is_refused(Dtype dtype, float value)
    {
        using var place = new Workplace();
        using var writer = SafetensorsWriter.Create(place.Of("x.safetensors"), [new TensorPlan("a", dtype, [1])]);
        using var tensor = TorchSharp.torch.tensor([value]);
        Material.Refusal(() => writer.Write("a", tensor)).ShouldContain("'a' holds");
    }

    [Fact]
    public void What_does_not_fit_the_plan_is_refused_and_nothing_remains()
    {
        using var place = new Workplace();
        var path = place.Of("x.safetensors");
        using var three = zeros(3);
        using var whole = zeros(3, dtype: ScalarType.Int64);
        using (var writer = SafetensorsWriter.Create(path,
            [new TensorPlan("a", Dtype.F32, [2]), new TensorPlan("b", Dtype.F32, [3]), new TensorPlan("c", Dtype.U16, [3])]))
        {
            Material.Refusal(() => writer.Write("a", three)).ShouldContain("planned is [2]");
            Material.Refusal(() => writer.Write("b", whole)).ShouldContain("F32 is written from Float32");
            Material.Refusal(() => writer.Write("x", three)).ShouldContain("'x' is not planned");
            writer.Write("b", three);
            Material.Refusal(() => writer.Write("b", three)).ShouldContain("already written");
            Material.Refusal(writer.Finish).ShouldContain("'a' was planned and not written");
        }

        Directory.GetFiles(place.Folder).ShouldBeEmpty();
        Material.Refusal(() => SafetensorsWriter.Create(path, [new TensorPlan("a", Dtype.F32, [2]), new TensorPlan("a", Dtype.F32, [2])]))
            .ShouldContain("planned twice");
        Material.Refusal(() => SafetensorsWriter.Create(path, [new TensorPlan("__metadata__", Dtype.F32, [2])])).ShouldContain("reserved");
        Material.Refusal(() => SafetensorsWriter.Create(path, [new TensorPlan("a", Dtype.F32, [-2])])).ShouldContain("no file holds");
        Material.Refusal(() => SafetensorsWriter.Create(place.Of("none") + "/deeper/x.safetensors", [])).ShouldContain("cannot be written");
        Directory.GetFiles(place.Folder).ShouldBeEmpty();
    }

    [Fact]
    public void A_view_with_strides_is_written_in_its_own_order()
    {
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        var view = arange(12, ScalarType.Float32).view(3, 4).t()[TensorIndex.Slice(1, 4, 2)];
        SafetensorsFile.Save(place.Of("x.safetensors"), new Dictionary<string, Tensor> { ["view"] = view });
        using var file = SafetensorsFile.Open(place.Of("x.safetensors"));
        file.Read("view").data<float>().ToArray().ShouldBe([1f, 5, 9, 3, 7, 11]);
    }

    [Fact]
    public void Shards_and_their_index_open_as_the_checkpoint_that_was_saved()
    {
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        var weights = Enumerable.Range(0, 7).ToDictionary(i => $"layer.{i}", i => full([i + 1, 5], i, ScalarType.Float32));
        var made = new List<string>();
        var files = SafetensorsShards.Save(
            place.Folder,
            [.. weights.Select(w => TensorPlan.Of(w.Key, w.Value))],
            name =>
            {
                made.Add(name);
                return weights[name].clone();
            },
            shardBytes: 150);
        made.ShouldBe(weights.Keys); // Each tensor is made once, when its turn comes.
        files.Count.ShouldBeGreaterThan(3);
        files.Select(Path.GetFileName).ShouldContain($"model-00001-of-{files.Count - 1:D5}.safetensors");
        using (var checkpoint = Checkpoint.Open(place.Folder))
        {
            checkpoint.Names.ShouldBe(weights.Keys);
            foreach (var (name, value) in weights)
            {
                checkpoint.Read(name).ShouldEqualBitByBit(value, name);
            }
        }

        SafetensorsShards.Save(place.Folder, [TensorPlan.Of("layer.0", weights["layer.0"])], name => weights[name].clone());
        using var single = Checkpoint.Open(place.Folder);
        single.Names.ShouldBe(["layer.0"]); // The older index must not win.
    }

    [Fact]
    public void What_the_reference_library_wrote_is_written_again_with_equal_tensors()
    {
        using var place = new Workplace();
        foreach (var folder in Material.ModelFolders().Where(f => File.Exists(Path.Combine(f, "model.safetensors"))).Take(4))
        {
            using var original = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
            using var scope = NewDisposeScope();
            var path = place.Of("again.safetensors");
            SafetensorsFile.Save(path, original.Tensors.Keys.ToDictionary(n => n, original.Read), original.Metadata);
            using var again = SafetensorsFile.Open(path);
            again.Metadata.ShouldBe(original.Metadata, ignoreOrder: true);
            again.Tensors.Keys.ShouldBe(original.Tensors.Keys, ignoreOrder: true);
            original.Tensors.Keys.ShouldAllBe(n => again.ReadBytes(n).SequenceEqual(original.ReadBytes(n)));
        }
    }
}
