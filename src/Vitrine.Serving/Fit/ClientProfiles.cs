using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Fit;

/// <summary>Clients that are known by name, and those that a file shows.</summary>
/// <remarks>
/// Sizes and rates are those of the projects' own examples (openpi's LIBERO, DROID and ALOHA, vla-eval's LIBERO, OpenVLA's and OFT's evaluations).
/// </remarks>
public static class ClientProfiles
{
    private const string Delta = "position and rotation as changes in [-1, 1], gripper -1 open, 1 closed";

    /// <summary>Clients that are known.</summary>
    public static IReadOnlyList<ClientShape> Known { get; } =
    [
        new()
        {
            Name = "openpi-libero", Protocol = "openpi", ActionWidth = 7, ActionUnits = Delta, Chunk = 5, Replan = 5, Rate = 20,
            Cameras = [new("observation/image", 224, 224), new("observation/wrist_image", 224, 224)], States = [new("observation/state", 8)],
        },
        new()
        {
            Name = "openpi-droid", Protocol = "openpi", ActionWidth = 8, ActionUnits = "joint velocities, gripper in [0, 1]", Chunk = 10, Replan = 8, Rate = 15,
            Cameras = [new("observation/exterior_image_1_left", 224, 224), new("observation/wrist_image_left", 224, 224)],
            States = [new("observation/joint_position", 7), new("observation/gripper_position", 1)],
        },
        new()
        {
            Name = "openpi-aloha", Protocol = "openpi", ActionWidth = 14, ActionUnits = "joint angles in rad", Chunk = 10, Replan = 10, Rate = 50,
            Cameras = [new("images/cam_high", 224, 224), new("images/cam_low", 224, 224), new("images/cam_left_wrist", 224, 224),
                new("images/cam_right_wrist", 224, 224)],
            States = [new("state", 14)],
        },
        new()
        {
            Name = "openpi-aloha-sim", Protocol = "openpi", ActionWidth = 14, ActionUnits = "joint angles in rad", Chunk = 10, Replan = 10, Rate = 50,
            Cameras = [new("images/cam_high", 224, 224)], States = [new("state", 14)],
        },
        new()
        {
            Name = "vla-eval-libero", Protocol = "vla-eval", ActionWidth = 7, ActionUnits = Delta, Rate = 20,
            Cameras = [new("images/agentview", 256, 256), new("images/wrist", 256, 256)], States = [new("states", 8)],
        },
        new() { Name = "openvla", Protocol = "openvla", ActionWidth = 7, ActionUnits = "the units of unnorm_key", Cameras = [new("image", 256, 256)] },
        new()
        {
            Name = "oft-libero", Protocol = "oft", ActionWidth = 7, ActionUnits = Delta, Chunk = 8, Replan = 8, Rate = 20,
            Cameras = [new("full_image", 256, 256), new("wrist_image", 256, 256)], States = [new("state", 8)],
        },
        new()
        {
            Name = "oft-aloha", Protocol = "oft", ActionWidth = 14, ActionUnits = "joint angles in rad", Chunk = 25, Replan = 25, Rate = 25,
            Cameras = [new("full_image", 256, 256), new("left_wrist_image", 256, 256), new("right_wrist_image", 256, 256)], States = [new("state", 14)],
        },
        new()
        {
            Name = "groot-libero", Protocol = "groot", ActionWidth = 7, ActionUnits = Delta, Chunk = 8, Replan = 8, Rate = 20,
            Cameras = [new("video.image", 256, 256), new("video.wrist_image", 256, 256)],
            States = [new("state.x", 1), new("state.y", 1), new("state.z", 1), new("state.roll", 1), new("state.pitch", 1), new("state.yaw", 1),
                new("state.gripper", 2)],
        },
        new()
        {
            Name = "tabletop", ActionUnits = "table widths a control step", Cameras = [new("observation/image", 64, 64)],
            States = [new("observation/state", 4)],
        },
    ];

    /// <summary>A client by its name, by a file with a message of it (msgpack or JSON), or by a file that describes it.</summary>
    /// <exception cref="VitrineException">There is no such client, or the file is none of these.</exception>
    public static ClientShape Find(string client)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (Known.FirstOrDefault(k => k.Name == client) is { } known)
        {
            return known;
        }

        if (!File.Exists(client))
        {
            string[] names = [.. Known.Select(k => k.Name)];
            throw new VitrineException($"check-fit: there is no client '{client}', and no file of that name; known are {string.Join(", ", names)}. "
                + $"Nearest: {Nearest.Of(client, names)}.");
        }

        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(client);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{client}: cannot be read ({e.Message}).", e);
        }

        try
        {
            return bytes.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..] ? OfJson(client, bytes) : Of(client, MessageReader.Read(bytes));
        }
        catch (WireException e)
        {
            throw new VitrineException($"{client}: is no message of a client ({e.Message})", e);
        }
    }

    private static ClientShape OfJson(string file, byte[] bytes)
    {
        var message = NumpyJson.Read(bytes) as WireMap ?? throw new VitrineException($"{file}: is no object.");
        if (!message.Has("cameras") && !message.Has("states"))
        {
            return Of(file, message);
        }

        try
        {
            return JsonSerializer.Deserialize(bytes, ProfileJsonContext.Default.ClientShape)! with { Name = Path.GetFileNameWithoutExtension(file) };
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{file}: describes no client ({e.Message})", e);
        }
    }

    /// <summary>What a message shows: an observation itself, or one inside a frame of vla-eval's or a call of GR00T's.</summary>
    private static ClientShape Of(string file, object? message)
    {
        var map = message as WireMap ?? throw new VitrineException($"{file}: holds no map; expected one message of a client.");
        var (protocol, seen) = map["payload"] is WireMap payload ? ("vla-eval", payload)
            : map["data"] is WireMap data ? ("groot", data["observation"] as WireMap ?? data)
            : ("", map);
        return ObservationReader.Seen(seen, WireLimits.Default).Shape with { Name = Path.GetFileName(file), Protocol = protocol };
    }
}

/// <summary>Clients that a file describes, read by generated code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(ClientShape))]
internal sealed partial class ProfileJsonContext : JsonSerializerContext;
