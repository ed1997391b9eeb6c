using System.Globalization;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Policies.LeRobot;

/// <summary>A prompt ends in a new line (<c>smolvla_new_line_processor</c>, <c>pi0_new_line_processor</c>).</summary>
internal sealed class NewLineStep : IInputStep
{
    public void Apply(PolicyInput input) => input.Task = input.Task.EndsWith('\n') ? input.Task : input.Task + "\n";
}

/// <summary>
/// The state stands in the prompt, as whole numbers of 256 bins of [-1, 1] (<c>pi05_prepare_state_tokenizer_processor_step</c> and pi0-FAST's).
/// </summary>
/// <param name="ending">Behind the state.</param>
/// <remarks>
/// numpy's digitize with right-open bins, minus 1: a value below -1 gives -1, one from 127/128 on 255. The state must be in the network's units by then.
/// </remarks>
internal sealed class StatePromptStep(string ending) : IInputStep
{
    private const int Bins = 256;

    public void Apply(PolicyInput input)
        => input.Task = $"Task: {input.Task.Trim().Replace('_', ' ').Replace('\n', ' ')}, State: {string.Join(' ', input.State.Select(Text))};\n{ending}";

    /// <summary>The bin of a number, from -1.</summary>
    public static int Bin(float value) => (int)Math.Clamp(Math.Floor((double)value * (Bins / 2)) + (Bins / 2), -1, Bins - 1);

    private static string Text(float value) => Bin(value).ToString(CultureInfo.InvariantCulture);
}

/// <summary>Words to ids (<c>tokenizer_processor</c>).</summary>
/// <param name="tokenizer">Of the file that the step names.</param>
/// <param name="most">Tokens that the policy was trained on at most.</param>
/// <remarks>Padding is left out: nobody sees it and it advances no position. LeRobot cuts what is too long; a prompt without its end is refused here.</remarks>
internal sealed class TokenizeStep(Tokenizer tokenizer, int most) : IInputStep
{
    /// <summary>Words to ids and back.</summary>
    public Tokenizer Tokenizer => tokenizer;

    public void Apply(PolicyInput input)
    {
        var ids = tokenizer.Encode(input.Task);
        input.Words = ids.Length <= most
            ? ids
            : throw new VitrineException($"act: the prompt has {ids.Length} tokens; the policy reads {most} (tokenizer max_length). Shorten the instruction.");
    }
}

/// <summary>The state in the network's units (<c>normalizer_processor</c>).</summary>
/// <param name="state">Of <c>observation.state</c>.</param>
internal sealed class NormaliseStep(Normaliser state) : IInputStep
{
    public void Apply(PolicyInput input) => input.State = [.. input.State.Select((v, i) => state.Normalise(i, v))];
}

/// <summary>Keeps the state that actions are relative to (<c>relative_actions_processor</c>).</summary>
internal sealed class RememberStateStep : IInputStep
{
    public void Apply(PolicyInput input) => input.RawState = input.State;
}
