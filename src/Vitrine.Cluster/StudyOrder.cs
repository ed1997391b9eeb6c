using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Cluster;

/// <summary>What a silo needs to know to work on a study.</summary>
/// <param name="Study">The plan; names its policy, which every silo opens itself.</param>
/// <param name="World">Makes the study's world, whose description the study holds; null where the opener knows its world.</param>
public sealed record StudyOrder(Study Study, WorldChoice? World = null)
{
    /// <summary>The order as it travels.</summary>
    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(new Sent(Study.ToJson(), World), StudyOrderJson.Default.Sent);

    /// <summary>Reads an order.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    internal static StudyOrder Of(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, StudyOrderJson.Default.Sent) is { Study: not null } sent
                ? new StudyOrder(Study.FromJson(sent.Study), sent.World)
                : throw new VitrineException("the order of a study has none.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"the order of a study: {e.Message}", e);
        }
    }

    internal sealed record Sent(string Study, WorldChoice? World);
}

/// <summary>Orders as JSON without reflection.</summary>
[JsonSerializable(typeof(StudyOrder.Sent))]
internal sealed partial class StudyOrderJson : JsonSerializerContext;
