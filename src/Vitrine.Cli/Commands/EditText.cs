using System.Globalization;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;

namespace Vitrine.Cli.Commands;

/// <summary>Edits as users write them in the command line.</summary>
internal static class EditText
{
    /// <summary>Reads <c>[STACK.]LAYER:INDEX[,...]=VALUE</c>.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static Edit Clamp(string text)
    {
        const string Form = "LAYER:INDEX=VALUE such as 5:111=3";
        var (neurons, value) = Split(text, "--clamp", Form);
        return new Clamp(Neurons(neurons, text, "--clamp", Form), Number(value, text, "--clamp", Form));
    }

    /// <summary>Reads an address, a colon and what of its last axis or of its heads; or a neuron.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static Edit Ablation(string text)
    {
        const string Form = "an address such as language.5.attn.z:1, or a neuron such as 5:111";
        var colon = text.LastIndexOf(':');
        var (place, within) = colon < 0 ? (text, null) : (text[..colon], text[(colon + 1)..]);
        if (colon > 0 && NeuronOf(text) is { } neuron)
        {
            return new Clamp(new NeuronSet([neuron.Neuron], neuron.Stack), 0);
        }

        var pattern = AddressPattern.Parse(place);
        var scope = Steps(place, pattern);
        if (within is not null)
        {
            int[] chosen = [.. within.Split(',').Select(i => NeuronText.Whole(i) ?? throw Malformed("--ablate", text, Form))];
            scope = pattern.Point is not { } point ? throw Malformed("--ablate", text, Form)
                : point.Axes != PointAxes.Stream ? scope with { Heads = chosen }
                : scope with { Neurons = chosen };
        }

        return new Zero(Place(place)) { Scope = scope };
    }

    /// <summary>Reads <c>FILE:KEY[@ADDRESS]=FACTOR</c>.</summary>
    /// <exception cref="VitrineException">It is none, or the file has no such tensor.</exception>
    public static Edit Addition(string text)
    {
        const string Form = "FILE:KEY=FACTOR or FILE:KEY@ADDRESS=FACTOR";
        var (source, factor) = Split(text, "--add", Form);
        const string Extension = ".safetensors:";
        var end = source.IndexOf(Extension, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Malformed("--add", text, Form + " of a .safetensors file");
        }

        var (file, key) = (source[..(end + Extension.Length - 1)], source[(end + Extension.Length)..]);
        var at = key.IndexOf('@', StringComparison.Ordinal);
        var place = at < 0 ? key : key[(at + 1)..];
        key = at < 0 ? key : key[..at];
        AddressPattern pattern;
        try
        {
            pattern = AddressPattern.Parse(place);
        }
        catch (VitrineException e) when (at < 0)
        {
            throw new VitrineException($"--add '{text}': the key '{key}' is no address; say where it is added as FILE:{key}@ADDRESS=FACTOR.", e);
        }

        return new Add(Place(place), EditValue.FromFile(file, key), Number(factor, text, "--add", Form))
        {
            Scope = Steps(place, pattern),
        };
    }

    /// <summary>Reads <c>FILE.gguf[=FACTOR]</c>: one addition a layer, at <c>language.N.resid_post</c>.</summary>
    /// <exception cref="VitrineException">It is no control vector.</exception>
    public static IEnumerable<Edit> ControlVector(string text)
    {
        const string Form = "FILE.gguf or FILE.gguf=FACTOR";
        var (path, factor) = text.LastIndexOf('=') is var at && at > 0 && !File.Exists(text) ? (text[..at], text[(at + 1)..]) : (text, "1");
        var strength = Number(factor, text, "--add-control-vector", Form);
        return Checkpoints.Gguf.ControlVector.Read(path).Directions.OrderBy(d => d.Key)
            .Select(d => new Add(string.Create(CultureInfo.InvariantCulture, $"language.{d.Key}.resid_post"), EditValue.Of(d.Value), strength));
    }

    private static (string Left, string Right) Split(string text, string option, string form)
        => text.LastIndexOf('=') is var at && at > 0 && at < text.Length - 1 ? (text[..at], text[(at + 1)..]) : throw Malformed(option, text, form);

    /// <summary>Reads <c>[STACK.]LAYER:INDEX[,...]</c>, all of one stack.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="whole">The text that it is part of, for errors.</param>
    /// <param name="option">Its option.</param>
    /// <param name="form">What is expected.</param>
    /// <exception cref="VitrineException">It is no list of neurons of one stack.</exception>
    public static NeuronSet Neurons(string text, string whole, string option, string form)
    {
        var named = text.Split(',').Select(n => NeuronOf(n.Trim()) ?? throw Malformed(option, whole, form)).ToArray();
        return named.Select(n => n.Stack).Distinct().Count() == 1
            ? new NeuronSet(named.Select(n => n.Neuron), named[0].Stack)
            : throw new VitrineException($"{option} '{whole}': names neurons of several stacks; give each stack an option of its own.");
    }

    private static (string Stack, Neuron Neuron)? NeuronOf(string text)
    {
        var dot = text.LastIndexOf('.');
        return NeuronText.Of(text[(dot + 1)..]) is { } neuron ? (dot < 0 ? "language" : text[..dot], neuron) : null;
    }

    /// <summary>The step that an address names; every step where it names none.</summary>
    private static EditScope Steps(string place, AddressPattern pattern)
        => place.Contains('@', StringComparison.Ordinal) && pattern.Steps is { } step ? new EditScope { Steps = [step] } : EditScope.Everywhere;

    private static string Place(string text) => text.IndexOf('@', StringComparison.Ordinal) is var at && at >= 0 ? text[..at] : text;

    private static double Number(string value, string text, string option, string form)
        => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw Malformed(option, text, form);

    private static VitrineException Malformed(string option, string text, string form) => new($"{option} is '{text}'; expected {form}.");
}
