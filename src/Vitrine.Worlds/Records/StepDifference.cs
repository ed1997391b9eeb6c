namespace Vitrine.Worlds.Records;

/// <summary>Where two computations of a step part.</summary>
/// <param name="Step">Control step, from 0.</param>
/// <param name="What">What differs: <c>instruction</c>, <c>picture NAME</c>, <c>state</c>, <c>tokens</c>, <c>action</c>, <c>chunk</c> ...</param>
/// <param name="Largest">
/// Largest difference of a number: in the robot's units of actions and chunks, normalised of tokens, in grey levels of pictures; infinite where there are
/// other numbers of numbers.
/// </param>
public sealed record StepDifference(int Step, string What, double Largest);
