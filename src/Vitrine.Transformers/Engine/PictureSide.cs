using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>The pictures of a model that reads texts too: a tower and a connector, whose tokens stand in the place of placeholders.</summary>
/// <param name="tower">Sees frames.</param>
/// <param name="connector">Makes tokens of what it saw.</param>
/// <param name="imageToken">Id of the placeholder.</param>
/// <param name="placing">How pictures stand in a prompt's text.</param>
internal abstract class PictureSide(Tower tower, Connector connector, int imageToken, PicturePlacing placing)
{
    /// <summary>Kinds of tokens by which edits name positions; a picture's own tokens are <c>image.K</c> where a row has several.</summary>
    public const string Image = "image", Text = "text";

    public Tower Tower => tower;

    public Connector Connector => connector;

    /// <summary>Stacks and parts in the order of the pass.</summary>
    public IReadOnlyList<StackShape> Shapes => [tower.Shape, connector.Shape];

    /// <summary>Whether a prompt without a picture means something.</summary>
    public virtual bool NeedsPictures => false;

    /// <summary>The recipe for a tower that is looked at alone, with one frame a picture.</summary>
    public virtual PictureRecipe Alone(PictureRecipe recipe) => recipe;

    /// <summary>The text of the placeholder.</summary>
    /// <exception cref="VitrineException">The tokenizer does not know it.</exception>
    public string Placeholder(Tokenizer tokenizer) => tokenizer.Token((int)imageToken)
        ?? throw new VitrineException($"tokenizer: has no token {imageToken}, which config.json names as the placeholder of a picture.");

    /// <summary>For each row, what every token of its pictures shows.</summary>
    /// <exception cref="VitrineException">A row has other placeholders than its pictures give tokens.</exception>
    public IReadOnlyList<PictureToken>[] TokensOf(TokenBatch batch) => [.. Spans(batch).Select(row => (IReadOnlyList<PictureToken>)
    [
        .. row.SelectMany((span, picture) => span.Positions.Select((position, i) =>
        {
            var (frame, token) = Math.DivRem(i, TokensOfFrame(span.Picture));
            var (line, column) = PlaceInFrame(span.Picture, token);
            return new PictureToken(position, picture, frame, line, column);
        })),
    ])];

    /// <summary>Row and column of a token among those of its frame; -1 for one that stands for the whole frame.</summary>
    protected abstract (int Row, int Column) PlaceInFrame(Preparation picture, int token);

    /// <summary>Tokens that one frame of a picture takes.</summary>
    protected abstract int TokensOfFrame(Preparation picture);

    /// <summary>Every frame of every picture, row by row, as tokens of the decoder.</summary>
    protected abstract SeenPictures See(RunScope run, IReadOnlyList<IReadOnlyList<Preparation>> pictures);

    /// <summary>Where the tokens stand for the decoder's attention and rotation.</summary>
    protected virtual DecoderInput Placed(DecoderInput input, TokenBatch batch, IReadOnlyList<PictureSpan>[] spans) => input;

    /// <summary>Ids of a prompt, its pictures' placeholders written out.</summary>
    public EncodedText Encode(string prompt, IReadOnlyList<Preparation> pictures, Tokenizer tokenizer, bool addSpecialTokens)
    {
        var placeholder = Placeholder(tokenizer);
        if (NeedsPictures && pictures.Count == 0)
        {
            throw new VitrineException("prompt: has 0 pictures; this model reads at least 1 in front of its text.");
        }

        var text = placing.Text(prompt, pictures, [.. pictures.Select(TokensOfFrame)], placeholder, tokenizer);
        return tokenizer.EncodeText(text, addSpecialTokens: addSpecialTokens && placing.AddsSpecialTokens);
    }

    /// <summary>What the decoder reads: words, with the pictures' tokens in the place of their placeholders.</summary>
    /// <exception cref="VitrineException">A row has other placeholders than its pictures give tokens.</exception>
    public DecoderInput Input(RunScope run, Decoder decoder, TokenBatch batch)
    {
        SeenPictures? seen = null;
        long[]? slots = null;
        var input = Place(decoder, batch) with { Embedded = Embedded };
        return batch.Pictures is null ? input : input with { AddedBehind = Added };

        Tensor Embedded()
        {
            // The placeholder may lie outside of the table of words; what stands there is replaced anyway.
            var words = decoder.Embed([.. batch.Ids.Select(row => (IReadOnlyList<int>)[.. row.Select(id => id == imageToken ? 0 : id)])]);   // (B, T, d)
            if (batch.Pictures is null)
            {
                return words;
            }

            seen = See(run, batch.Pictures);
            slots = [.. batch.Ids.SelectMany(row => row).Zip(batch.Positions.SelectMany(row => row)).Index()
                .Where(t => t.Item.First == imageToken && t.Item.Second >= 0).Select(t => (long)t.Index)];
            return words.flatten(0, 1).index_copy(0, tensor(slots, device: decoder.Device), seen.Tokens).view(words.shape);
        }

        Tensor? Added(Pass pass, int layer)
        {
            if (seen is null || layer >= seen.Behind.Count)
            {
                return null;
            }

            var added = zeros([(long)batch.Ids.Count * batch.Ids[0].Count, decoder.Shape.Width], decoder.Dtype, decoder.Device)
                .index_copy(0, tensor(slots!, device: decoder.Device), seen.Behind[layer]).view(batch.Ids.Count, batch.Ids[0].Count, -1);
            return pass.At(decoder.Shape.Name, DeepStack(layer, decoder.Shape.Width), added);
        }
    }

    /// <summary>The same without what stands at the places.</summary>
    public DecoderInput Place(Decoder decoder, TokenBatch batch) => Placed(DecoderInput.Of(decoder, batch), batch, Spans(batch));

    /// <summary>The point of what is added to the residual behind a block of the decoder.</summary>
    public static Point DeepStack(int layer, int width) => new($"deepstack.{layer}", width);

    /// <summary>The kinds of tokens of a batch, for edits to name.</summary>
    public TokenKinds Kinds(TokenBatch batch, string stack)
    {
        var spans = Spans(batch);
        var kinds = new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>>
        {
            [Image] = [.. spans.Select(row => (IReadOnlyList<long>)[.. row.SelectMany(s => s.Positions)])],
            [Text] = [.. batch.Ids.Zip(batch.Positions).Select(row => (IReadOnlyList<long>)
                [.. row.First.Zip(row.Second).Where(t => t.First != imageToken && t.Second >= 0).Select(t => t.Second)])],
        };
        var most = spans.Max(row => row.Count);
        for (var k = 0; most > 1 && k < most; k++)
        {
            kinds[$"{Image}.{k}"] = [.. spans.Select(row => k < row.Count ? row[k].Positions : [])];
        }

        return new TokenKinds(kinds, stack);
    }

    /// <summary>For each row, where the tokens of each of its pictures stand.</summary>
    /// <exception cref="VitrineException">A row has other placeholders than its pictures give tokens.</exception>
    protected IReadOnlyList<PictureSpan>[] Spans(TokenBatch batch)
    {
        if (batch.Pictures is { } given && given.Count != batch.Ids.Count)
        {
            throw new VitrineException($"pictures: were given for {given.Count} rows; the batch has {batch.Ids.Count}.");
        }

        return [.. batch.Ids.Select((ids, r) =>
        {
            long[] places = [.. ids.Zip(batch.Positions[r]).Where(t => t.First == imageToken && t.Second >= 0).Select(t => t.Second)];
            var pictures = batch.Pictures?[r] ?? [];
            int[] tokens = [.. pictures.Select(p => TokensOfFrame(p) * p.Pixels.Count)];
            if (tokens.Sum() != places.Length || (NeedsPictures && pictures.Count == 0))
            {
                throw new VitrineException(
                    $"prompt {r}: has {places.Length} picture tokens (id {imageToken}, image_token_id or image_token_index of config.json); its "
                    + $"{pictures.Count} pictures take {tokens.Sum()}{(NeedsPictures && pictures.Count == 0 ? ", and this model reads at least one" : "")}.");
            }

            var at = 0;
            return (IReadOnlyList<PictureSpan>)[.. pictures.Zip(tokens).Select(p => new PictureSpan(p.First, places[at..(at += p.Second)]))];
        })];
    }

    /// <summary>The numbers of several frames behind each other, where the tower lies.</summary>
    protected Tensor Together(IReadOnlyList<Pixels> frames)
    {
        var (values, at) = (new float[frames.Sum(f => f.Values.Length)], 0);
        foreach (var frame in frames)
        {
            frame.Values.CopyTo(values, at);
            at += frame.Values.Length;
        }

        return tensor(values, device: tower.Device);
    }

    /// <summary>Whose frames they are, in the order in which they are read.</summary>
    protected static FrameOwners OwnersOf(IReadOnlyList<IReadOnlyList<Preparation>> pictures)
    {
        var frames = pictures.SelectMany((row, r) => row.SelectMany((picture, p) => Enumerable.Repeat((Row: r, Picture: p), picture.Pixels.Count))).ToArray();
        return new FrameOwners([.. frames.Select(f => f.Row)], [.. frames.Select(f => f.Picture)]);
    }
}

/// <summary>Pictures as tokens of a decoder.</summary>
/// <param name="Tokens">(N,d), row by row, picture by picture, frame by frame.</param>
internal sealed record SeenPictures(Tensor Tokens)
{
    /// <summary>What is added to the same tokens behind the first blocks (N,d); none in most families.</summary>
    public IReadOnlyList<Tensor> Behind { get; init; } = [];
}

/// <summary>Where the tokens of a picture stand.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Positions">In the row's own sequence.</param>
internal sealed record PictureSpan(Preparation Picture, long[] Positions);
