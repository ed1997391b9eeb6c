using System.CommandLine;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine tokens MODEL TEXT</c>: how a model cuts a text.</summary>
internal static class TokensCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("MODEL")
        {
            Description = "A model or its tokenizer: a folder, a .gguf file, ORG/NAME in the local cache, a tokenizer.json, or a SentencePiece .model.",
        };
        var text = new Argument<string>("TEXT") { Description = "Any text." };
        var bare = new Option<bool>("--no-special-tokens") { Description = "Leave out what the tokenizer puts around a text." };
        var reading = TokenizerOption.Create();
        var json = Output.JsonOption();
        var command = new Command("tokens", "Show how a model cuts a text into tokens.") { name, text, bare, reading, json };
        command.SetAction((parsed, _) =>
        {
            var tokenizer = ModelFiles.OpenTokenizer(Located(parsed.GetValue(name)!), reading.OptionsOf(parsed));
            var encoded = tokenizer.EncodeText(parsed.GetValue(text)!, addSpecialTokens: !parsed.GetValue(bare));
            var rows = encoded.Ids.Select(id => new
            {
                Id = id,
                Token = tokenizer.Token(id),
                Special = tokenizer.IsSpecial(id),
                Text = tokenizer.Decode([id], skipSpecialTokens: false),
            }).ToArray();
            if (parsed.GetValue(json))
            {
                Output.Write(new { Tokens = rows, Decoded = tokenizer.Decode(encoded.Ids), tokenizer.Notes });
                return Task.FromResult(0);
            }

            var table = Output.Table("position", "id", "token", "text");
            foreach (var (i, row) in rows.Index())
            {
                table.Add($"{i}", $"{row.Id}", row.Token ?? "", row.Special ? "(special)" : row.Text.ReplaceLineEndings("\\n"));
            }

            AnsiConsole.Write(table);
            Console.WriteLine($"{rows.Length} tokens of {tokenizer.VocabularySize}");
            TokenizerOption.PrintNotes(tokenizer);
            return Task.FromResult(0);
        });
        return command;
    }

    /// <remarks>A model that comes along is the folder that holds it.</remarks>
    private static string Located(string name) => Policy.Catalog.Embedded.Contains(name) ? Policy.Catalog.Locate(name).Folder : name;
}
