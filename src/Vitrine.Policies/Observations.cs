using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Policies;

/// <summary>Observations out of files: a folder of pictures, or a list in JSON.</summary>
public static class Observations
{
    private static readonly string[] PictureTypes = [".png", ".jpg", ".jpeg"];

    /// <summary>Whether a file is named as a picture is.</summary>
    public static bool IsPicture(string file) => PictureTypes.Contains(Path.GetExtension(file).ToLowerInvariant());

    /// <summary>Every PNG and JPEG of a folder, by name, as the picture of the only camera.</summary>
    /// <param name="folder">Folders in it are not looked into.</param>
    /// <param name="instruction">What the robot is asked to do in all of them.</param>
    /// <exception cref="VitrineException">There is no such folder, no picture in it, or a broken one.</exception>
    public static IReadOnlyList<Observation> OfPictures(string folder, string instruction)
    {
        if (!Directory.Exists(folder))
        {
            throw new VitrineException($"{folder}: there is no such folder; expected one of PNG or JPEG pictures.");
        }

        var pictures = Directory.GetFiles(folder).Where(IsPicture);
        string[] files = [.. pictures.Order(StringComparer.Ordinal)];
        return files.Length > 0
            ? [.. files.Select(f => new Observation(PictureFile.Read(f), instruction))]
            : throw new VitrineException($"{folder}: holds no picture; expected files that end in {string.Join(", ", PictureTypes)}.");
    }

    /// <summary>Reads a list: <c>[{"cameras": {"image": "a.png"}, "instruction": "...", "state": {"joints": [0.1, 0.2]}}, ...]</c>.</summary>
    /// <param name="file">Pictures are named relative to it. <c>state</c> may be absent.</param>
    /// <exception cref="VitrineException">It is no such list, or an entry is broken: the entry is named, from 0.</exception>
    public static IReadOnlyList<Observation> Read(string file)
    {
        var list = PythonJson.Open(file);
        return list.ValueKind != JsonValueKind.Array ? throw new VitrineException($"{file}: is {Kind(list)}; expected a list of observations.")
            : list.GetArrayLength() == 0 ? throw new VitrineException($"{file}: the list is empty; expected at least one observation.")
            : [.. list.EnumerateArray().Select((entry, i) => Entry($"{file}: entry {i}", entry, Path.GetDirectoryName(Path.GetFullPath(file))!))];
    }

    private static Observation Entry(string place, JsonElement entry, string folder)
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            throw new VitrineException($"{place}: is {Kind(entry)}; expected an object with cameras and instruction.");
        }

        JsonElement? cameras = null, instruction = null, state = null;
        foreach (var property in entry.EnumerateObject())
        {
            _ = property.Name switch
            {
                "cameras" => cameras = property.Value,
                "instruction" => instruction = property.Value,
                "state" => state = property.Value,
                var other => throw new VitrineException($"{place}: there is no key '{other}'; known are cameras, instruction, state."),
            };
        }

        return new Observation(Cameras(place, cameras, folder), Words(place, instruction)) { State = State(place, state) };
    }

    private static Dictionary<string, Picture> Cameras(string place, JsonElement? cameras, string folder)
    {
        if (cameras is not { ValueKind: JsonValueKind.Object } all || !all.EnumerateObject().Any())
        {
            throw new VitrineException(
                $"{place}: 'cameras' is {Kind(cameras)}; expected a picture file by camera, e.g. {{\"{Observation.OnlyCamera}\": \"a.png\"}}.");
        }

        return all.EnumerateObject().ToDictionary(c => c.Name, c => PythonJson.IsText(c.Value)
            ? Picture($"{place}, camera '{c.Name}'", Path.Combine(folder, c.Value.GetString()!))
            : throw new VitrineException($"{place}: camera '{c.Name}' is {Kind(c.Value)}; expected the name of a picture file."));
    }

    private static Picture Picture(string place, string path)
    {
        try
        {
            return PictureFile.Read(path);
        }
        catch (VitrineException e)
        {
            throw new VitrineException($"{place}: {e.Message}", e);
        }
    }

    private static string Words(string place, JsonElement? instruction)
        => instruction is { } words && PythonJson.IsText(words) && !string.IsNullOrWhiteSpace(words.GetString())
            ? words.GetString()!
            : throw new VitrineException($"{place}: 'instruction' is {Kind(instruction)}; expected what the robot is to do, in words.");

    private static Dictionary<string, StateVector> State(string place, JsonElement? state)
        => state is null ? []
            : state is { ValueKind: JsonValueKind.Object } vectors ? vectors.EnumerateObject().ToDictionary(v => v.Name, v => Vector(place, v.Name, v.Value))
            : throw new VitrineException($"{place}: 'state' is {Kind(state)}; expected lists of numbers by name, e.g. {{\"joints\": [0.1, 0.2]}}.");

    private static StateVector Vector(string place, string name, JsonElement value)
    {
        var numbers = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(Number).ToArray() : [];
        var found = value.ValueKind == JsonValueKind.Array ? "a list of something else" : Kind(value);
        return numbers.Length > 0 && Array.TrueForAll(numbers, double.IsFinite)
            ? new StateVector(numbers)
            : throw new VitrineException($"{place}: state '{name}' is {found}; expected a list of numbers.");

        static double Number(JsonElement v) => v.ValueKind == JsonValueKind.Number && v.TryGetDouble(out var number) ? number : double.NaN;
    }

    private static string Kind(JsonElement? value) => value?.ValueKind switch
    {
        null => "missing",
        JsonValueKind.Object => value.Value.EnumerateObject().Any() ? "an object" : "an empty object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String when PythonJson.Number(value.Value) is not null => "no finite number",
        JsonValueKind.String => string.IsNullOrWhiteSpace(value.Value.GetString()) ? "empty" : "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
