using System.Reflection;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Vitrine.Cluster.Messages;

namespace Vitrine.Cluster.Tests;

/// <summary>What travels between silos comes back as it was.</summary>
public sealed class MessageTests
{
    private static readonly Dictionary<Type, object> Samples = new object[]
    {
        new Piece { Offset = 3, Total = 9, Bytes = [1, 2, 3] },
        new EndedChunk { Number = 4, End = ChunkEnd.Failed, Reason = "why" },
        new WorkerReport { Workers = 2, Running = [5, 6], Ended = [new() { Number = 7, End = ChunkEnd.NotOpened, Reason = "not here" }] },
        new DriverReport { Finished = [8, 9], Failure = "failed", News = ["one", "two"], IsNew = true },
        OfferAnswer.Taken,
        ChunkEnd.NotOpened,
    }.ToDictionary(s => s.GetType());

    private static readonly Serializer Serializer = new ServiceCollection().AddSerializer(b => b.AddAssembly(typeof(Piece).Assembly)).BuildServiceProvider()
        .GetRequiredService<Serializer>();

    public static TheoryData<Type> Travelling()
        => [.. typeof(Piece).Assembly.GetTypes().Where(t => t.GetCustomAttribute<GenerateSerializerAttribute>() is not null)];

    [Theory, MemberData(nameof(Travelling))]
    public void A_record_comes_back_with_every_property(Type type)
    {
        var sample = Samples[type];
        var back = Serializer.Deserialize<object>(Serializer.SerializeToArray<object>(sample));
        back.ShouldBeEquivalentTo(sample);
        if (!type.IsEnum)
        {
            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite))
            {
                var empty = property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null;
                property.GetValue(sample).ShouldNotBe(empty, property.Name);
                property.GetCustomAttribute<IdAttribute>().ShouldNotBeNull(property.Name);
            }
        }
    }

    [Fact]
    public void A_text_in_pieces_comes_together_again()
        => Gen.Byte.Array[1, 50].Select(Gen.Int[1, 3]).Sample((bytes, times) =>
        {
            byte[] text = [.. Enumerable.Repeat(bytes, 1 + (times * Piece.Largest / bytes.Length)).SelectMany(b => b)];
            var reader = new PieceReader();
            foreach (var piece in Piece.AllOf(text))
            {
                piece.Bytes.Length.ShouldBeLessThanOrEqualTo(Piece.Largest);
                reader.Add(piece);
                reader.Add(piece);
            }

            reader.Whole.ShouldBe(text);
        }, iter: 5, threads: 1);

    [Theory]
    [InlineData(1, 3, 2)] // a piece before it is missing
    [InlineData(-1, 3, 2)]
    [InlineData(0, 1, 2)] // longer than the text
    [InlineData(0, 3, 0)]
    [InlineData(0, 3, Piece.Largest + 1)]
    [InlineData(0, Piece.LongestText + 1, 2)]
    public void A_piece_that_does_not_fit_is_refused(int offset, int total, int length)
        => Should.Throw<VitrineException>(() => new PieceReader().Add(new() { Offset = offset, Total = total, Bytes = new byte[length] }));

    [Fact]
    public void A_message_is_smaller_than_a_silo_takes()
        => Serializer.SerializeToArray(new Piece { Offset = 0, Total = Piece.LongestText, Bytes = new byte[Piece.Largest] }).Length
            .ShouldBeLessThan(ClusterSilo.LargestMessage);

    [Fact]
    public void Chunks_are_handed_out_once_come_back_and_finish_once()
    {
        var queue = new ChunkQueue([2, 0, 1]);
        queue.Take().ShouldBe(0);
        queue.Take().ShouldBe(1);
        queue.PutBack(0);
        queue.Take().ShouldBe(0);
        queue.Take(2).ShouldBeTrue();
        queue.Take(2).ShouldBeFalse();
        queue.Take().ShouldBeNull();
        queue.Finish(0, [1]);
        queue.Finish(0, [2]); // another silo had run it too
        queue.ResultOf(0).ShouldBe([1]);
        queue.PutBack(0);
        queue.Take().ShouldBeNull();
        queue.IsDone.ShouldBeFalse();
        queue.Finish(1, [3]);
        queue.Finish(2, [4]);
        queue.IsDone.ShouldBeTrue();
        queue.Finished.ShouldBe([0, 1, 2]);
        queue.Forget(1);
        queue.Finish(1, [9]);
        queue.Finished.ShouldBe([0, 2]);
    }
}
