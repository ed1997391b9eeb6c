using Vitrine.Inputs.Pictures;

namespace Vitrine.Policies;

/// <summary>What a policy sees at one control step.</summary>
/// <param name="Picture">The camera's picture.</param>
/// <param name="Instruction">What the robot is asked to do, in words.</param>
public sealed record Observation(Picture Picture, string Instruction);
