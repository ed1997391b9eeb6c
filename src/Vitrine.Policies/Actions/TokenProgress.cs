using Vitrine.Transformers;

namespace Vitrine.Policies.Actions;

/// <summary>Tells of each token as an act's progress.</summary>
/// <param name="progress">Hears it.</param>
/// <param name="most">Tokens that there will be at most.</param>
internal sealed class TokenProgress(IProgress<ActProgress> progress, int most) : IProgress<GeneratedStep>
{
    public void Report(GeneratedStep value) => progress.Report(new ActProgress(value.Step + 1, most));
}
