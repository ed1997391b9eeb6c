namespace Vitrine.Policies.Actions;

/// <summary>How far an act is.</summary>
/// <param name="Chosen">Action tokens chosen so far, or flow steps made: 0 when the pictures have been read, 1 behind the prefill.</param>
/// <param name="Dimensions">How many there will be.</param>
public readonly record struct ActProgress(int Chosen, int Dimensions);
