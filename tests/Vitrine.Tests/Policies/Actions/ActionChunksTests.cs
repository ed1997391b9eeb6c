using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Actions;

namespace Vitrine.Tests.Policies.Actions;

/// <summary>Rows of a chunk are carried out one by one, each episode by itself.</summary>
public sealed class ActionChunksTests
{
    private static readonly Observation Seen = new(new Picture(1, 1, [0, 0, 0]), "go");

    [Fact]
    public void A_policy_acts_again_when_the_rows_of_an_episode_are_spent()
    {
        var (chunks, asked) = (new ActionChunks(2), new List<string>());
        var episode = new[] { 0, 0 };
        string[] steps = [.. Enumerable.Range(0, 5).Select(step => string.Join(' ', Act([(0, step), (1, step)])))];
        steps.ShouldBe(["00 10", "01 11", "02 12", "03 13", "04 14"]);
        asked.ShouldBe(["0,1", "0,1", "0,1"]);

        // One episode ends after an odd number of steps and another begins in its place.
        string.Join(' ', Act([(0, 0), (1, 5)])).ShouldBe("06 15");
        asked[^1].ShouldBe("0");

        IEnumerable<string> Act((int Episode, int Step)[] turns) => chunks.CarryOut([.. turns.Select(t => new Turn(Seen, t.Episode, t.Step))], places =>
        {
            asked.Add(string.Join(',', places));
            return [.. places.Select(p => Chunk(turns[p].Episode, 3))];
        }).Select(row => $"{row[0]}{row[1]}");

        IReadOnlyList<double>[] Chunk(int of, int rows)
        {
            IReadOnlyList<double>[] chunk = [.. Enumerable.Range(0, rows).Select(i => (IReadOnlyList<double>)[of, episode[of] + i])];
            episode[of] += 2;
            return chunk;
        }
    }

    [Fact]
    public void A_chunk_that_is_too_short_is_told()
    {
        IReadOnlyList<double>[] chunk = [[1.0]];
        Should.Throw<VitrineException>(() => new ActionChunks(2).CarryOut([new Turn(Seen, 0, 0)], _ => [chunk])).Message
            .ShouldBe("act: 2 rows of a chunk are to be carried out; it has 1.");
    }
}
