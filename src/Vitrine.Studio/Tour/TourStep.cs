using Vitrine.Transformers;

namespace Vitrine.Studio.Tour;

/// <summary>A page of the tour, in the order of the deck that explains a transformer.</summary>
/// <param name="Key">In the address.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Sees">What one sees on it, in a sentence.</param>
/// <param name="Try">The one thing to try.</param>
/// <param name="Idea">The idea, for everybody.</param>
/// <param name="Formula">The formula, with its source.</param>
/// <param name="Code">The method of the library that computes what is shown.</param>
internal sealed record TourStep(string Key, string Title, string Sees, string Try, string Idea, string Formula, string Code)
{
    /// <summary>All pages in order.</summary>
    public static IReadOnlyList<TourStep> All { get; } =
    [
        new("tokens", "Tokens",
            "The text as the model reads it: pieces of its vocabulary, each with its number. A picture is cut into patches, and each patch is a token too.",
            "Write a rare word, or the same word with another beginning, and see where it is cut.",
            "A model does not read letters. A tokenizer cuts text into pieces that were frequent in what it was trained on; each has a number, its id. "
                + "All that follows happens to a row of such tokens.",
            "text → (t₁, …, t_T), each t_i one of V ids. Byte-pair encoding joins the most frequent neighbours until V pieces are found (Sennrich et "
                + "al. 2016).",
            "var batch = model.Encode(\"the red block\");\nint id = batch.Ids[0][3];\nstring piece = model.Tokenizer.Shown(id);"),
        new("embedding", "Embedding",
            "The chosen token as a row of numbers: what enters the first block. Beside it the words of the vocabulary whose rows point the same way.",
            "Move the slider over the tokens and see which words lie near.",
            "Each id has a row of learnt numbers. Words that are used alike have rows that point alike. The row of a token is where its way through "
                + "the model begins: "
                + "the residual stream.",
            "x_i⁰ = E[t_i] (+ position); nearness is cos(a, b) = a·b / (|a| |b|).",
            "using var run = model.Run(batch, RunPlan.Capturing(\"language.embed\"));\nvar x = run[\"language.embed\"][0, token];          // (d)"),
        new("neuron", "One neuron",
            "One feed-forward neuron: what it looks for (its key), what it writes (its value vector, in words), and how active it is on each token.",
            "Take another neuron with the slider until you find one whose words have a meaning in common.",
            "A feed-forward neuron is a pair of directions. It compares what it reads with its key, and the better they match the more of its value "
                + "vector it adds "
                + "to the residual stream. The value vector can be read in words before any text is shown.",
            "FFN(x) = Σ_i a_i w_i, a = act(W_gate x) ⊙ (W_up x); neuron i writes w_i, column i of W_down; in words: E w_i (Geva et al. 2021, 2022).",
            "var words = model.ReadNeuron(layer, neuron);              // both ends\nusing var run = model.Run(batch, "
                + "RunPlan.Capturing($\"language.{layer}.mlp.neurons\"));\n"
                + "var a = run[$\"language.{layer}.mlp.neurons\"][0, .., neuron];"),
        new("layer", "All neurons of a layer",
            "Every neuron of the layer on the chosen token, and those that write most of it.",
            "Move over the tokens: which neurons stay silent, which are active for one word alone?",
            "A layer has many neurons, and on a given token most of them do little. What the layer adds is the sum of what all of them write.",
            "share of neuron i: |a_i| · ‖w_i‖; the layer adds Σ_i a_i w_i.",
            "var a = run[$\"language.{layer}.mlp.neurons\"][0, token];      // (F)\nusing var w = model.Language.ValueVectors(layer);           // (F, d)"),
        new("attention", "Attention weights",
            "How much each token takes from each other, row by row. Each row adds up to 1.",
            "Take another head: some look at the token before, some at the first, some at a word that fits.",
            "Attention moves information between tokens. Each token asks a question (its query), each token offers an answer (its key); how well they "
                + "fit decides how much "
                + "is taken of what the other one holds (its value).",
            "A = softmax(Q Kᵀ / √h + mask); every row of A adds up to 1; what is taken is A V (Vaswani et al. 2017).",
            "using var run = model.Run(batch, RunPlan.Capturing($\"language.{layer}.attn.pattern\"));\nvar row = "
                + "run[$\"language.{layer}.attn.pattern\"][0, head, token];   // (T)"),
        new("head", "A head as a subspace",
            "What one head reads and writes. It sees the stream through a window of few directions: which words it looks for from a word, and what it "
                + "says when it looks at one.",
            "Compare a head of the first layer with one of the last: does it copy what it looks at?",
            "A head has few dimensions of its own. It reads through two small windows (who looks for whom) and writes through another (what is said "
                + "about what was found). "
                + "Both can be read in words.",
            "OV = W_V W_O says what is written, QK = W_Q W_Kᵀ who is looked at; both have rank ≤ h, the head's width (Elhage et al. 2021).",
            "using var ov = HeadCircuits.FullOv(model.Language, layer, head);\nvar pairs = ov.Largest(12, rows: batch.Ids[0]);              // looks "
                + "at, says, logit"),
        new("blocks", "Blocks repeated: the residual stream",
            "The same two steps again and again. After each block: how long the stream is, and what the model would say if it stopped there.",
            "Follow one column upwards and find the layer at which the answer appears.",
            "Every block reads the stream and adds to it. Nothing is overwritten, so one can stop anywhere and read what the model would say: the logit lens.",
            "x^{l+1} = x^l + Attn(x^l) + FFN(x^l + Attn(x^l)); lens: softmax(E norm(x^l)) (nostalgebraist 2020).",
            "var lens = model.Lens(\"the red block\");\nvar said = lens[layer: 3, position: -1];                   // token, logit, probability"),
        new("answer", "A class or the next token",
            "What is read off at the end: probabilities of the next token, of a class, or of an action.",
            "Change one word of the input and see what the first answers become.",
            "The last state of one token is compared with every word (or class). The best match is the answer; how sure it is stands beside it.",
            "p = softmax(E norm(x_T)); the most likely is taken, or one is drawn.",
            "using var run = model.Run(batch);\nvar first = Answer.Of(run.Logits[0, -1], ClassScores.OneOfMany, 10);"),
        new("patches", "Patchify",
            "The picture cut into patches. One of them is followed: how long its token is after each block, and who looks at it.",
            "Choose a patch with nothing on it, then one with an object.",
            "A picture becomes a row of tokens: it is cut into squares, and the numbers of each square are turned into one vector. From there on the "
                + "blocks are the same as for words.",
            "x_p = W vec(patch_p) + b + position_p (Dosovitskiy et al. 2021).",
            "using var seen = encoder.Prepare(picture);\nusing var run = encoder.Run(seen.Pixels, RunPlan.Capturing(\"*.embed\", \"*.*.resid_post\"));"),
        new("action", "From words and pictures to actions",
            "The whole way: patches and words go in, an action comes out, as tokens that are said or as a chunk that takes shape out of noise.",
            "Ask for another task and see which numbers of the action change.",
            "A vision-language-action model is all of the above: patches and words are tokens of one sequence. Its answer is an action: words of a "
                + "vocabulary that mean numbers, or a "
                + "chunk of numbers that an expert refines out of noise.",
            "tokens: the centre x of a bin, from −1 to 1, means q01 + (x + 1)/2 · (q99 − q01) (Kim et al. 2024). "
                + "flow: x ← x − v(x, t)/n, n times (Lipman et al. 2023).",
            "using var run = policy.Act([new Observation(picture, \"lift the red cube\")]);\nvar action = run.Actions[0].Values;                      "
                + " // in the robot's units"),
    ];

    /// <summary>A page by its key; the first where there is none.</summary>
    public static TourStep Of(string key) => All.FirstOrDefault(s => s.Key == key) ?? All[0];

    /// <summary>Whether a model of this kind has what the page shows, alone or in one of its stacks.</summary>
    public bool IsFor(ModelKind kind, bool sees) => Key switch
    {
        "patches" => sees,
        "action" => kind == ModelKind.Policy,
        _ => true,
    };
}
