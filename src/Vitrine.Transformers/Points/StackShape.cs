namespace Vitrine.Transformers.Points;

/// <summary>What a stack is made of, as addresses and edits see it.</summary>
/// <param name="Name">First part of its addresses.</param>
/// <param name="Layers">How many blocks run.</param>
/// <param name="Width">d, width of the residual stream.</param>
/// <param name="Heads">H.</param>
/// <param name="KeyValueHeads">Hkv.</param>
/// <param name="HeadWidth">hd.</param>
/// <param name="Neurons">F, feed-forward neurons in a block.</param>
/// <param name="Vocabulary">V, or 0 for a stack that speaks no language.</param>
/// <param name="Points">Those that exist in it.</param>
public sealed record StackShape(string Name, int Layers, int Width, int Heads, int KeyValueHeads, int HeadWidth, int Neurons, int Vocabulary, IReadOnlySet<Point> Points)
{
    /// <summary>Every place of the stack, in the order of the forward pass, without steps.</summary>
    public IEnumerable<Address> Places()
    {
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var point in PointVocabulary.All.Where(p => p.IsInBlock() && Points.Contains(p)))
            {
                yield return new Address(Name, layer, point);
            }
        }

        foreach (var point in PointVocabulary.All.Where(p => !p.IsInBlock() && Points.Contains(p)))
        {
            yield return new Address(Name, null, point);
        }
    }

    /// <summary>Size of a point's head axis; 0 where it has none.</summary>
    public int HeadsAt(Point point) => point switch
    {
        Point.AttnK or Point.AttnV or Point.AttnKNorm or Point.AttnKRot => KeyValueHeads,
        _ when point.Axes() != PointAxes.Stream => Heads,
        _ => 0,
    };

    /// <summary>Size of a point's last axis; 0 where it is the number of keys.</summary>
    public int LastAxisAt(Point point) => point switch
    {
        Point.MlpGate or Point.MlpUp or Point.MlpNeurons or Point.HeadMlpNeurons => Neurons,
        Point.Logits => Vocabulary,
        _ => point.Axes() switch { PointAxes.Heads => HeadWidth, PointAxes.Attention => 0, _ => Width },
    };
}
