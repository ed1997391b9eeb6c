using System.Globalization;
using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Training;

/// <summary>How a policy of the tabletop is trained: everything that decides its weights, but for where it starts.</summary>
/// <remarks>
/// The numbers of <see cref="Tokens"/> and <see cref="Flow"/> are those by which the embedded policies were made. Losses are compared within one recipe only.
/// </remarks>
public sealed record TrainingRecipe
{
    /// <summary>Optimiser steps in all; shares of the training count these.</summary>
    public required int Steps { get; init; }

    /// <summary>Frames of a step.</summary>
    public required int Frames { get; init; }

    /// <summary>Instructions for each frame: the one that is carried out, and random ones for the same state.</summary>
    public required int Instructions { get; init; }

    /// <summary>From this share of the training on, <see cref="LateFrames"/> and <see cref="LateInstructions"/> hold.</summary>
    public double LateFrom { get; init; } = 1;

    /// <summary>Frames of a step late in the training.</summary>
    public int LateFrames { get; init; }

    /// <summary>Instructions for each frame late in the training.</summary>
    public int LateInstructions { get; init; }

    /// <summary>Pairs of noise and flow time for each instruction, of a policy that flows; 0 for one that speaks in tokens.</summary>
    public int Samples { get; init; }

    /// <summary>Largest learning rate.</summary>
    public required double Rate { get; init; }

    /// <summary>Times that, for action expert, projections of chunk, time and state.</summary>
    public double ExpertRate { get; init; } = 1;

    /// <summary>Learning rate of auxiliary heads, where the recipe's own is smaller: they begin anew, whatever the policy has learnt.</summary>
    public double HeadRate { get; init; } = 1e-3;

    /// <summary>Steps over which the rate rises from 0.</summary>
    public required int WarmUp { get; init; }

    /// <summary>Share of the training up to which the rate stays; a cosine follows.</summary>
    public double ConstantUntil { get; init; } = .4;

    /// <summary>Share of the rate that is left at the end.</summary>
    public required double LastRate { get; init; }

    /// <summary>Of matrices, in each step times the rate.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>Largest length of the whole gradient.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>Episodes of the scripted expert, with noise, that run side by side.</summary>
    public int ExpertEpisodes { get; init; } = 256;

    /// <summary>Episodes that the student acts in; the expert labels them all the same (DAgger, Ross et al. 2011). 0 for none.</summary>
    public int StudentEpisodes { get; init; } = 256;

    /// <summary>Share of the training after which half of a step's frames are the student's.</summary>
    public double StudentFrom { get; init; }

    /// <summary>Steps in which auxiliary heads, which begin anew, leave the policy's weights alone.</summary>
    public int AloneUntil { get; init; }

    /// <summary>Shares of the tasks: reach, lift, push, move.</summary>
    public required IReadOnlyList<double> Tasks { get; init; }

    /// <summary>Weight of what heads on the image towers say of every patch.</summary>
    public double Patches { get; init; } = .2;

    /// <summary>Weight of the match between patches and the words of colours and shapes; of token policies.</summary>
    public double Alignment { get; init; } = .2;

    /// <summary>Weight of the way to the target, read in the middle of the language stack.</summary>
    public required double Way { get; init; }

    /// <summary>Weight of attention from the shape's word to the target's patch.</summary>
    public double Attention { get; init; } = .1;

    /// <summary>Weight of sentences; of token policies.</summary>
    public double Language { get; init; } = .35;

    /// <summary>Weight of the chunk read from the state's token, falling to 0 at 60 % of the training; of policies that flow.</summary>
    public double Chunk { get; init; } = .5;

    /// <summary>Decides every random number.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>libtorch's threads: another number rounds sums another way.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>The world, as <c>--world</c> takes it.</summary>
    public string World { get; init; } = "tabletop";

    /// <summary>By which <c>embedded:tabletop</c> was made, in its last stage.</summary>
    public static TrainingRecipe Tokens { get; } = new()
    {
        Steps = 2480,
        Frames = 24,
        Instructions = 3,
        LateFrom = .7,
        LateFrames = 40,
        LateInstructions = 2,
        Rate = 1e-3,
        WarmUp = 60,
        LastRate = .01,
        WeightDecay = .05,
        AloneUntil = 60,
        Tasks = [.20, .35, .35, .10],
        Way = .4,
    };

    /// <summary>By which <c>embedded:tabletop-flow</c> was made.</summary>
    public static TrainingRecipe Flow { get; } = new()
    {
        Steps = 2957,
        Frames = 24,
        Instructions = 3,
        Samples = 4,
        Rate = 1e-3,
        ExpertRate = 1.5,
        WarmUp = 100,
        LastRate = .02,
        WeightDecay = .03,
        StudentFrom = .30,
        Tasks = [.25, .40, .20, .15],
        Way = .5,
    };

    /// <summary>Whether it is for a policy that flows.</summary>
    [JsonIgnore]
    public bool IsFlow => Samples > 0;

    /// <summary>Random numbers of a purpose, by seed, step and place alone.</summary>
    internal RandomStream Random(string purpose, int step, int index)
        => new(string.Create(CultureInfo.InvariantCulture, $"training/{Seed}/{purpose}/{step}/{index}"));

    /// <summary>Frames and instructions of a step.</summary>
    public (int Frames, int Instructions) SizeAt(int step) => step >= LateFrom * Steps ? (LateFrames, LateInstructions) : (Frames, Instructions);

    /// <summary>Learning rate of a step.</summary>
    public double RateAt(int step)
    {
        var warm = step < WarmUp ? (step + 1.0) / WarmUp : 1;
        var share = (double)step / Steps;
        var falls = share <= ConstantUntil ? 1 : LastRate + ((1 - LastRate) * .5 * (1 + Math.Cos(Math.PI * (share - ConstantUntil) / (1 - ConstantUntil))));
        return Rate * warm * falls;
    }

    /// <summary>Refuses what cannot be trained.</summary>
    /// <exception cref="VitrineException">A number is out of range; it is named.</exception>
    internal void Check()
    {
        Require(Steps > 0, nameof(Steps), Steps, "at least 1");
        Require(Frames > 0, nameof(Frames), Frames, "at least 1");
        Require(Instructions > 0, nameof(Instructions), Instructions, "at least 1");
        Require(
            LateFrom >= 1 || (LateFrames > 0 && LateInstructions > 0), nameof(LateFrames), LateFrames, "at least 1, where the late part begins before the end");
        Require(double.IsFinite(Rate) && Rate > 0, nameof(Rate), Rate, "a positive number");
        Require(WarmUp >= 0, nameof(WarmUp), WarmUp, "0 or more");
        Require(Threads > 0, nameof(Threads), Threads, "at least 1");
        Require(Tasks.Count == 4 && Tasks.All(t => t >= 0) && Math.Abs(Tasks.Sum() - 1) < 1e-9, nameof(Tasks), Tasks.Sum(), "four shares that sum to 1");
        var most = Math.Max(Frames, LateFrames);
        Require(ExpertEpisodes >= most, nameof(ExpertEpisodes), ExpertEpisodes, $"at least {most}, the frames of a step");
        Require(StudentEpisodes == 0 || StudentEpisodes >= most / 2, nameof(StudentEpisodes), StudentEpisodes, $"0, or at least {most / 2}");

        static void Require(bool holds, string name, double found, string expected)
        {
            if (!holds)
            {
                throw new VitrineException($"training recipe: {name} is {found.ToString(CultureInfo.InvariantCulture)}; expected {expected}.");
            }
        }
    }
}
