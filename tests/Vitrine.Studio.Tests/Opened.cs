using System.Runtime.CompilerServices;
using Vitrine.Checkpoints;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Work;
using Vitrine.Tests;

namespace Vitrine.Studio.Tests;

/// <summary>The models of the tests, opened once, and a work folder that is gone behind them.</summary>
internal static class Opened
{
    /// <summary>The policies that come along.</summary>
    public const string Speaking = "embedded:tabletop", Flowing = "embedded:tabletop-flow";

    /// <summary>A text model, an image classifier and a text classifier of the fixtures.</summary>
    public static string Text => Fixtures.Of("models", "llama");

    public static string Image => Fixtures.Of("models", "vit-classifier");

    public static string Classifier => Fixtures.Of("models", "llama-classifier");

    public static OpenModels Models { get; } = new([]);

    public static Workplace Place { get; } = new(Path.Combine(Path.GetTempPath(), $"vitrine-studio-tests-{Guid.NewGuid():N}"));

    /// <summary>Before any test touches libtorch.</summary>
    [ModuleInitializer]
    internal static void Prepare()
    {
        NativeCompute.Prepare();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (Directory.Exists(Place.Folder))
            {
                Directory.Delete(Place.Folder, recursive: true);
            }
        };
    }

    /// <summary>An address of a page about a model.</summary>
    public static PageAddress At(string path, string model, params (string Key, object? Value)[] more)
        => PageAddress.Of(PageAddress.Of("/" + path).With([("model", model), .. more]));

    /// <summary>What a model is shown at an address.</summary>
    public static Scene SceneOf(PageAddress at) => Scene.Of(Models.Open(at["model"]), at, Place);
}
