namespace Vitrine.Studio.Tour;

/// <summary>The words of the field that the pages use.</summary>
internal static class Glossary
{
    /// <summary>Word and what it means, in alphabetical order.</summary>
    public static IReadOnlyList<(string Word, string Means)> All { get; } =
    [
        ("ablation", "taking a part away (setting it to zero or to its mean) to see what the model does without it."),
        ("action chunk", "several control steps that a policy decides at once."),
        ("attention head", "a part of a block that moves information between tokens; each has its own weights."),
        ("bin", "one of the 256 steps into which a number of an action is cut, so that a token can stand for it."),
        ("block", "one layer: attention, then feed-forward; both add to the residual stream."),
        ("clamp", "holding a neuron at a value, whatever the model would have it be."),
        ("dose", "how strongly a neuron is held: a number, or deviations from its natural mean (+4sd)."),
        ("embedding", "the row of numbers that a token begins with."),
        ("key and value vector", "of a neuron: the direction that it looks for, and the direction that it writes. Of attention: what a token offers to be "
            + "found by, and what is then taken."),
        ("logit", "a score before it is made a probability."),
        ("logit lens", "reading a state in the middle as if it were the last."),
        ("matched random", "other neurons of the same layers that resemble the chosen ones but were chosen by chance: the control of every edit."),
        ("neuron", "one coordinate of a feed-forward layer: it reads one direction and writes one."),
        ("patch", "a square of a picture; it is one token of an image encoder."),
        ("plan", "what is read and what is changed while a model runs, as data."),
        ("policy", "a model that answers a picture and an instruction with an action."),
        ("residual stream", "the row of numbers of a token that every block adds to."),
        ("softmax", "makes scores positive and adds them up to 1."),
        ("token", "a piece of text, a patch of a picture, or a step of a chunk: what a model's sequence is made of."),
        ("unembedding", "the rows with which the last state is compared, one for each word."),
        ("zero dose", "the whole machinery of an edit with nothing changed: it must give what the model gives by itself."),
    ];
}
