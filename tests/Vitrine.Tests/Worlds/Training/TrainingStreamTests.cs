using Vitrine.Worlds.Tabletop;
using Vitrine.Worlds.Training;

namespace Vitrine.Tests.Worlds.Training;

public sealed class TrainingStreamTests
{
    private static readonly TrainingRecipe Recipe = TrainingRecipe.Tokens with
    {
        Steps = 100,
        Frames = 8,
        LateFrames = 8,
        ExpertEpisodes = 12,
        StudentEpisodes = 8,
        StudentFrom = .1,
    };

    [Fact]
    public void Every_label_is_the_expert_s_and_half_of_the_frames_become_the_student_s()
    {
        var stream = new TrainingStream(Recipe, new(), horizon: 1);
        for (var step = 5; step < 15; step++)
        {
            var frames = stream.Draw(step);
            frames.Count.ShouldBe(8);
            frames.Count(f => f.IsStudent).ShouldBe(step < 10 ? 0 : 4);
            frames.Select(f => (f.IsStudent, f.Episode)).Distinct().Count().ShouldBe(8);
            foreach (var frame in frames)
            {
                frame.Asked.Count.ShouldBe(Recipe.Instructions);
                frame.Asked[0].Words.ShouldBe(frame.Seen.Instruction);
                frame.Asked.ShouldAllBe(a => a.Chunk[0].SequenceEqual(TabletopExpert.Decide(frame.State, a.Spec).Action));
            }

            stream.Advance(step, frames, [.. frames.Where(f => f.IsStudent).Select(_ => (IReadOnlyList<double[]>)[[.1, 0, 0, 0, 0, 0, 1]])]);
        }
    }

    [Fact]
    public void A_chunk_is_the_expert_s_way_on_through_the_world()
    {
        var stream = new TrainingStream(Recipe, new(), horizon: 6);
        var frame = stream.Draw(0)[0];
        var (state, asked) = (frame.State, frame.Asked[0]);
        foreach (var action in asked.Chunk)
        {
            action.ShouldBe(TabletopExpert.Decide(state, asked.Spec).Action);
            state = TabletopPhysics.Strict.Step(state, action);
        }

        asked.Chunk.Count.ShouldBe(6);
    }

    [Fact]
    public void What_goes_on_from_kept_episodes_draws_the_same_frames()
    {
        var (whole, other) = (new TrainingStream(Recipe, new(), 1), new TrainingStream(Recipe with { Seed = 2 }, new(), 1));
        for (var step = 0; step < 20; step++)
        {
            Stay(whole, step);
        }

        var resumed = TrainingStream.Resumed(Recipe, new(), 1, whole.Episodes.Experts, whole.Episodes.Students);
        Words(resumed.Draw(20)).ShouldBe(Words(whole.Draw(20)));
        Words(other.Draw(20)).ShouldNotBe(Words(whole.Draw(20)));

        static void Stay(TrainingStream stream, int step)
        {
            var frames = stream.Draw(step);
            stream.Advance(step, frames, [.. frames.Where(f => f.IsStudent).Select(_ => (IReadOnlyList<double[]>)[[0, 0, 0, 0, 0, 0, 1]])]);
        }

        static string[] Words(IReadOnlyList<TrainingFrame> frames)
            => [.. frames.Select(f
                => $"{f.State.Gripper} {string.Join('/', f.Asked.Select(a => a.Words))} {Convert.ToHexString(f.Seen.Picture.Rgb.AsSpan(0, 96))}")];
    }

    [Fact]
    public void A_training_without_a_combination_never_says_it()
    {
        var options = TabletopOptions.Of(new Dictionary<string, string> { ["held-out"] = "red cone+blue ball+green cube", ["combinations"] = "seen" });
        var stream = new TrainingStream(Recipe, options, 1);
        var said = Enumerable.Range(0, 40).SelectMany(stream.Draw).Where(f => !f.IsStudent).SelectMany(f => f.Asked).Select(a => a.Words).ToArray();
        said.ShouldNotContain(words => options.HeldOut.Any(h => h.IsNamedBy(words)));
        said.ShouldContain(words => words.Contains("cone", StringComparison.Ordinal));
    }

    [Fact]
    public void Patches_are_labelled_with_what_shows_there()
    {
        var frames = new TrainingStream(Recipe, new(), 1).Draw(0);
        var labels = new PatchLabels(frames, side: 8);
        foreach (var (f, frame) in frames.Index())
        {
            labels.Objects[f].Where(i => i >= 0).Distinct().Count().ShouldBeGreaterThanOrEqualTo(2);       // one may hide another
            for (var i = 0; i < 3; i++)
            {
                var (u, v) = TabletopRenderer.Project(frame.State.Objects[i].Position);
                var middle = labels.Middle(f, i);
                (middle % 8).ShouldBe(Math.Clamp((int)(u / 8), 0, 7));
                (middle / 8).ShouldBeInRange((int)((v - 8) / 8), (int)((v + 2) / 8));
            }
        }
    }
}
