using System.CommandLine;
using Vitrine.Certification.Certified;
using Vitrine.Cli.Inspecting;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine inspect [MODEL]</c>: what a model is made of; without one, which families this version opens and what was certified of them.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Any();
        var device = DeviceOption.Create();
        var fingerprint = new Option<bool>("--fingerprint") { Description = "Name the weights by a hash over every byte of them, which reads them all." };
        var json = Output.JsonOption();
        var command = new Command("inspect",
            "Show what a model is made of: stacks, blocks, points, tokenizer, picture recipe, weights, files. Without MODEL: the families that open, and "
                + "what was "
                + "certified.") { name, fingerprint, device, json };
        command.SetAction((parsed, _) =>
        {
            var isJson = parsed.GetValue(json);
            if (parsed.GetValue(name) is not { } asked)
            {
                Families(isJson);
            }
            else if (Inspector.Open(asked, device.ModelOptionsOf(parsed), device.IsProcessor(parsed), parsed.GetValue(fingerprint)) is var model && isJson)
            {
                Output.Write(model);
            }
            else
            {
                InspectionText.Print(model);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static void Families(bool isJson)
    {
        var file = CertifiedFile.Embedded();
        if (isJson)
        {
            Output.Write(file.Families);
        }
        else
        {
            InspectionText.Print(file);
        }
    }
}
