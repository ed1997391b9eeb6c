using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Vitrine.Worlds.Studies;

/// <summary>
/// How the records of studies are written as JSON and read back: a part that is missing, null, unknown or there twice is refused where it is read, not where it
/// is used.
/// </summary>
internal static class RecordJson
{
    private static readonly JsonSerializerOptions Compact = new()
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        TypeInfoResolver = RecordJsonContext.Default,
    };

    private static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true };

    public static string Write<T>(T record, bool indented = false) => JsonSerializer.Serialize(record, Contract<T>(indented ? Indented : Compact));

    public static void Write<T>(Stream stream, T record) => JsonSerializer.Serialize(stream, record, Contract<T>(Compact));

    /// <exception cref="VitrineException">The text is no such record.</exception>
    public static T Read<T>(string json, string what) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, Contract<T>(Compact)) ?? throw new VitrineException($"{what}: the JSON is null.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{what}: {e.Message}", e);
        }
    }

    private static JsonTypeInfo<T> Contract<T>(JsonSerializerOptions options) => (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));
}
