using System.CommandLine;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Attribution.Direct;
using Vitrine.Mechanisms.Lenses;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine lens MODEL</c>: what a model would answer if it stopped at each of its states, and which parts say it.</summary>
internal sealed class LensCommand
{
    private readonly Argument<string> name = ModelArgument.Completed(new Argument<string>("MODEL")
    {
        Description = "A language model, a classifier of texts or pictures, or a policy: a folder, a .gguf file, ORG/NAME in the local cache, or an embedded "
            + "one.",
    });

    private readonly PromptOptions prompts = new();
    private readonly StateOptions states = new(drawn: 1, hasShort: false);
    private readonly LensTraining training = new();
    private readonly Option<string?> image = new("--image") { Description = "The picture that a classifier of pictures looks at." };
    private readonly Option<bool> heads = new("--per-head") { Description = "Read what each head adds, through the last norm held as it was." };
    private readonly Option<bool> components = new("--components") { Description = "Read what each attention and each feed-forward adds." };
    private readonly Option<LensNorm?> norm = new("--norm")
    {
        Description = "The last norm: own (computed anew for each residual), frozen (held as it was for the last one) or none.",
    };

    private readonly Option<bool> mid = new("--mid") { Description = "Read the residual between attention and feed-forward too." };
    private readonly Option<int?> position = new("--position")
    {
        Description = "The one position of a text that is read; all by default, the last one is printed.",
    };

    private readonly Option<int?> row = new("--row") { Description = "The row of a chunk that is read; the mean over those that are carried out by default." };
    private readonly Option<string?> answer = new("--answer") { Description = "The word or class that is followed; the next token of the text by default." };
    private readonly Option<string?> metric = new("--metric")
    {
        Description = "A number of the answer, behind each block and taken apart: logit:WORD, logit_difference:A/B, probability:WORD, loss, speed, dz, "
            + "dz@3 ...",
    };

    private readonly Option<string?> patchscope = new("--patchscope")
    {
        Description = $"Put the residual into this text in the place of its last token, and let the model go on, e.g. \"{Patchscope.Identity}\".",
    };

    private readonly Option<int?> into = new("--into")
    {
        Description = "With --patchscope: the block behind which it is put; the one it was taken from by default.",
    };

    private readonly Option<int> count = new("--top", "-n") { Description = "Answers at each place, and parts, to keep.", DefaultValueFactory = _ => 10 };
    private readonly Option<string?> page = new("--page") { Description = "Write a page that shows it: one HTML file that needs nothing beside it." };
    private readonly EditOption plan = EditOption.Create();
    private readonly Option<string?> units = UnitsOption.Create();
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var own = new LensCommand();
        var command = new Command("lens", "Read what a model would answer if it stopped at each of its states, and which parts say it.") { own.name };
        own.prompts.AddTo(command);
        command.Add(own.image);
        own.states.AddTo(command);
        own.training.AddTo(command);

        foreach (var option in (Option[])[own.heads, own.components, own.norm, own.mid, own.position, own.row, own.answer, own.metric, own.patchscope, own.into,
            own.count, own.page, own.plan, own.units, own.device, own.allowed, own.json])
        {
            command.Add(option);
        }

        command.SetAction(own.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var top = parsed.GetValue(count);
        if (top < 1)
        {
            throw new VitrineException($"--top is {top}; expected at least 1.");
        }

        if (parsed.GetValue(page) is { } asked)
        {
            AtomicFile.RequireWritable(asked);
        }

        using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        if (training.IsAsked(parsed))
        {
            await training.MakeAsync(parsed, model, parsed.GetValue(json), cancellation).ConfigureAwait(false);
            return 0;
        }

        if (parsed.GetValue(patchscope) is { } target)
        {
            return await PatchedAsync(parsed, model, target, cancellation).ConfigureAwait(false);
        }

        using var lens = training.Open(parsed, model);
        using var asking = (model as Policy)?.With(units: parsed.GetValue(units));
        using var pictured = Pictured(parsed, model);
        var subject = SubjectOf(parsed, model, asking, pictured);
        var options = Options(parsed, subject);
        var measure = parsed.GetValue(metric) is { } text ? MetricText.Parse(text, subject) : null;
        var edits = plan.Plan(parsed);
        if (measure is not null && edits is not null)
        {
            throw new VitrineException("lens: --metric takes the model as it is; leave the edits out.");
        }

        var (reading, direct, behind) = await Stages.RunAsync(async stages =>
        {
            var read = await stages.StageAsync("reading", 1, p => Task.FromResult(LensReader.Read(subject, lens, options, edits, p, cancellation)))
                .ConfigureAwait(false);
            if (measure is null)
            {
                return (read, (IReadOnlyList<DirectAttribution>)[], (IReadOnlyList<IReadOnlyList<double>>)[]);
            }

            var parts = await stages.StageAsync("taking the metric apart", 1, _ => Task.FromResult(DirectAttribution.Of(subject, measure, null, cancellation)))
                .ConfigureAwait(false);
            var behindEach = await stages.StageAsync(
                "the metric behind each block", 1, p => Task.FromResult(LensReader.Metric(subject, measure, p, cancellation))).ConfigureAwait(false);
            return (read, parts, behindEach);
        }, all: measure is null ? 1 : 3).ConfigureAwait(false);
        if (parsed.GetValue(page) is { } file)
        {
            AtomicFile.WriteAllText(file, LensPage.Render(new LensPageData(
                $"{reading.Lens} of {Path.GetFileName(model.Name.TrimEnd('/'))}", reading,
                PageMade.Of(PageMade.CommandLine("lens", parsed), model, $"{parsed.GetValue(states.Seed)}"))
            { Attributions = direct }));
        }

        if (parsed.GetValue(json))
        {
            Output.Write<object>(measure is null ? reading : new { Reading = reading, Metric = new { measure.Name, Direct = direct, Behind = behind } });
            return 0;
        }

        LensText.Print(reading, asking?.ActionNames ?? [], options.Parts != LensParts.Residual, top);
        if (direct.Count > 0)
        {
            LensText.Metric(direct[0], [.. behind.Select(b => b[0])], top);
        }

        return 0;
    }

    private async Task<int> PatchedAsync(ParseResult parsed, Model model, string target, CancellationToken cancellation)
    {
        if (model is not TextModel { Labels: null } text)
        {
            throw new VitrineException($"{model.Name}: a patchscope reads in words of a language model.");
        }

        var source = prompts.Texts(parsed, $"{model.Name}: a patchscope reads a text");
        var place = new PatchscopePlace(parsed.GetValue(position) ?? -1) { TargetLayer = parsed.GetValue(into), Count = parsed.GetValue(count) };
        var (plain, readings) = await Output.WithProgressAsync(
            "patching", p => Task.FromResult(Patchscope.Read(text, source[0], target, place: place, progress: p, cancellation: cancellation)))
                .ConfigureAwait(false);
        if (parsed.GetValue(json))
        {
            Output.Write(new { Plain = plain, Readings = readings });
        }
        else
        {
            LensText.Patched(plain, readings);
        }

        return 0;
    }

    private LensOptions Options(ParseResult parsed, Subject subject)
    {
        if (parsed.GetValue(heads) && parsed.GetValue(components))
        {
            throw new VitrineException("lens: --per-head and --components are named; expected one of them.");
        }

        if (parsed.GetValue(position) is not null && subject.Model is not TextModel)
        {
            throw new VitrineException($"--position: is of texts; {subject.Model.Name} is read where it answers.");
        }

        return new LensOptions
        {
            Parts = parsed.GetValue(heads) ? LensParts.Heads : parsed.GetValue(components) ? LensParts.Components : LensParts.Residual,
            Norm = parsed.GetValue(norm),
            Mid = parsed.GetValue(mid),
            Position = parsed.GetValue(position),
            ChunkRow = parsed.GetValue(row),
            Count = Math.Min(parsed.GetValue(count), 5),
            Target = parsed.GetValue(answer) is { } word ? MetricText.Answer(word, subject) : null,
        };
    }

    private PictureInput? Pictured(ParseResult parsed, Model model) => model is not VisionModel vision ? null
        : parsed.GetValue(image) is { } file ? vision.Prepare(PictureFile.Read(file))
        : throw new VitrineException($"{model.Name}: sees pictures; name one with --image FILE.");

    private Subject SubjectOf(ParseResult parsed, Model model, Policy? policy, PictureInput? picture) => model switch
    {
        VisionModel vision => Subject.Of(vision, picture!.Pixels),
        Policy plain => Subject.Of(policy!, states.Source(parsed, plain).ForTest(states.Count(parsed) ?? 1)),
        TextModel text => Subject.Of(text, [.. prompts.Texts(parsed, $"{model.Name}: reads texts")]),
        _ => throw new VitrineException($"{model.Name}: a lens reads language models, classifiers and policies."),
    };
}
