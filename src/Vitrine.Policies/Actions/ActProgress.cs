namespace Vitrine.Policies.Actions;

/// <summary>How far an act is.</summary>
/// <param name="Chosen">Action tokens chosen so far: 0 when the picture has been read, 1 behind the prefill.</param>
/// <param name="Dimensions">How many there will be.</param>
public readonly record struct ActProgress(int Chosen, int Dimensions);
