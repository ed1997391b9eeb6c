using Vitrine.Inputs.Tokenizers.Models;
using Vitrine.Inputs.Tokenizers.PostProcessors;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>What is put around a text: as tokenizer.json says, or as the folder's class builds it.</summary>
internal sealed class TextEnds(FolderFiles files, TokenizerSwitches switches, SpecialTokens tokens, AddedTokens added, Vocabulary vocabulary)
{
    /// <summary>Beside a tokenizer.json.</summary>
    /// <param name="ofFile">What it says.</param>
    /// <param name="notes">Told where a key is not followed.</param>
    /// <exception cref="VitrineException">A token that the class needs is not named, or a key contradicts a class that is not known.</exception>
    public IPostProcessor Beside(IPostProcessor ofFile, ICollection<string> notes)
    {
        if (!files.IsNewer)
        {
            return files.Class.Ends.FromFlags ? OfFlags(files.Class.Ends.Begin) : Agreeing(ofFile);
        }

        foreach (var (key, wanted, has, token) in files.ClassOfFour.Ends.FromFlags ? Contradictions(ofFile) : [])
        {
            notes.Add($"{TokenizerFiles.Config}: {key} is {(wanted ? "true" : "false")} and tokenizer.json {(has ? "adds" : "does not add")} '{token}': "
                + "transformers 5 does not read the key beside a tokenizer.json, transformers 4 does (--tokenizer-as transformers-4).");
        }

        return files.Class switch
        {
            { IsBert: true } => TemplateProcessor.Bert(Needed("cls_token"), Needed("sep_token")),
            { IsRoberta: true } => new ProcessorSequence([
                switches.TrimsOffsets ?? true ? new OffsetTrimming(vocabulary, switches.PrefixSpace ?? false) : new PlainProcessor(),
                TemplateProcessor.Roberta(Needed("cls_token"), Needed("sep_token"))]),
            { Name: "CLIPTokenizer" } => TemplateProcessor.Roberta(Needed("bos_token"), Needed("eos_token")),
            _ => ofFile,
        };
    }

    /// <summary>Beside a SentencePiece model, where no file holds a template.</summary>
    public IPostProcessor OfFlags(bool begin)
    {
        var (front, back) = (switches.Ends.Begin ?? begin, switches.Ends.End ?? false);
        return TemplateProcessor.Around(Wanted(front, "bos_token"), Wanted(back, "eos_token"));
    }

    private int[] Wanted(bool wanted, string key) => !wanted || (files.IsNewer && tokens.Text(key) is null) ? [] : [Needed(key)];

    private int Needed(string key) => tokens.Text(key) is { } text && (added.Id(text) ?? vocabulary.Id(text)) is { } id
        ? id
        : throw new VitrineException($"{switches.Source}: {key} is null; {files.Class.Name} puts it around a text.");

    private IPostProcessor Agreeing(IPostProcessor ofFile)
    {
        foreach (var (key, wanted, has, token) in files.Class.IsKnown ? [] : Contradictions(ofFile))
        {
            throw new VitrineException(
                $"{switches.Source}: {key} is {(wanted ? "true" : "false")}, and tokenizer.json {(has ? "adds" : "does not add")} '{token}'; "
                + $"what {files.Class.Name} of transformers 4 makes of it is not computed by this version.");
        }

        return ofFile;
    }

    private IEnumerable<(string Key, bool Wanted, bool Has, string Token)> Contradictions(IPostProcessor ofFile)
    {
        var ids = ofFile.Process([new TokenRun()], addSpecialTokens: true).SelectMany(r => r.Ids);
        var around = ids.Select(i => added.Content(i) ?? vocabulary.Word(i)).ToArray();
        if (switches.Ends.Begin is { } begin && tokens.Text("bos_token") is { } first && (around.FirstOrDefault() == first) != begin)
        {
            yield return ("add_bos_token", begin, !begin, first);
        }

        var behind = around.Skip(switches.Ends.Begin == true ? 1 : 0).LastOrDefault();
        if (switches.Ends.End is { } end && tokens.Text("eos_token") is { } last && (behind == last) != end)
        {
            yield return ("add_eos_token", end, !end, last);
        }
    }
}
