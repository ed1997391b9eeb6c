using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Vitrine.Tests.Documents;

/// <summary>C# of a page as a program of its own: compiled as it stands, run with the settings of <c>dotnet run file.cs</c> (no reflection in JSON).</summary>
internal static class Snippet
{
    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http;
        global using System.Threading; global using System.Threading.Tasks;
        """;

    private static readonly CSharpParseOptions Parsing
        = new CSharpParseOptions(LanguageVersion.Latest).WithFeatures([new KeyValuePair<string, string>("FileBasedProgram", "true")]);

    private static readonly Lazy<MetadataReference[]> References = new(() =>
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(p => MetadataReference.CreateFromFile(p)),
    ]);

    /// <summary>The fenced C# of a page, in order.</summary>
    public static IReadOnlyList<string> Of(string page)
        => [.. page.ReplaceLineEndings("\n").Split("```csharp\n").Skip(1).Select(rest => rest[..rest.IndexOf("```", StringComparison.Ordinal)])];

    /// <summary>What the compiler says against it; nothing where it compiles.</summary>
    public static IReadOnlyList<string> Errors(string code)
        => [.. Compile(code, "Snippet").GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error).Select(d => d.ToString())];

    /// <summary>Runs it from the repository's root, as the page says.</summary>
    /// <returns>What it printed.</returns>
    public static string Run(string code)
    {
        var name = $"Snippet-{Guid.NewGuid():N}";
        var program = Path.Combine(AppContext.BaseDirectory, $"{name}.dll");                               // beside the libraries that it uses
        var settings = Path.Combine(AppContext.BaseDirectory, $"{name}.json");
        try
        {
            Compile(code, name).Emit(program).Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).ShouldBeEmpty();
            File.WriteAllText(settings, Settings());
            var start = new ProcessStartInfo("dotnet")
            {
                WorkingDirectory = Fixtures.Repository,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            string[] arguments = ["exec", "--depsfile", Beside("deps.json"), "--runtimeconfig", settings, program];
            Array.ForEach(arguments, start.ArgumentList.Add);
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var printed = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            process.ExitCode.ShouldBe(0, errors.GetAwaiter().GetResult());
            return printed;
        }
        finally
        {
            File.Delete(program);
            File.Delete(settings);
        }
    }

    private static CSharpCompilation Compile(string code, string name)
        => CSharpCompilation.Create(
            name, [CSharpSyntaxTree.ParseText(code, Parsing), CSharpSyntaxTree.ParseText(ImplicitUsings, Parsing)], References.Value,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));

    /// <remarks>The switches that the SDK writes for a program of one file, whose PublishAot it sets.</remarks>
    private static string Settings()
    {
        var json = JsonNode.Parse(File.ReadAllText(Beside("runtimeconfig.json")))!;
        var properties = json["runtimeOptions"]!["configProperties"]!.AsObject();
        properties["System.Text.Json.JsonSerializer.IsReflectionEnabledByDefault"] = false;
        properties["System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported"] = false;
        return json.ToJsonString();
    }

    private static string Beside(string ending) => Path.Combine(AppContext.BaseDirectory, $"Vitrine.Tests.{ending}");
}
