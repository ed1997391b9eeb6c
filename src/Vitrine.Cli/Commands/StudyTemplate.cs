namespace Vitrine.Cli.Commands;

/// <summary>A study file to begin with.</summary>
internal static class StudyTemplate
{
    /// <param name="name">Of the study.</param>
    /// <param name="policy">Who acts.</param>
    /// <param name="concept">What it is about.</param>
    /// <param name="word">What is said for it.</param>
    public static string Of(string name, string policy, string concept, string word) => $$"""
        # What is written here is decided before the study runs; its hash stands in every result.
        # Controls are not written: zero dose, matched random neurons, random directions, the word and the reversed sign are added to every edit.
        study: {{Quoted(name)}}
        question: {{Quoted($"Do the neurons that spell {concept}, or what '{word}' changes, move the robot as the word does?")}}
        policy:
          name: {{Quoted(policy)}}
          # fingerprint: of the weights, as 'vitrine inspect' prints it; then no other checkpoint is taken
        world: {name: tabletop, adverbs: false, physics: strict}
        tasks: [reach, lift, push]
        layouts: 6            # of each task
        steps: 50             # control steps of an episode at most
        seed: 1
        states: 48            # situations that edits and doses are made on; none is a layout of the study
        controls: {draws: 8}  # random draws of each control, at least 8
        measures: [speed]     # success, speed, height, steps; the first is what the study is about
        alpha: 0.05           # over all planned comparisons
        # looks: {count: 3, spending: obrien-fleming}   # or pocock: stop early without spending alpha twice
        concepts:
          - concept: {{Quoted(concept)}}
            word: {{Quoted(word)}}
            conditions:
              - name: lexical clamp
                neurons: {concept: {{Quoted(concept)}}}   # or {file: concepts.yaml, set: NAME}, {list: [[5, 111]]}, {writes: +z, count: 10}
                dose: +4sd                   # or 4, q0.99, 2max, {nats: 0.1}, {motion: 0.01}, {motion: word}; a list makes a condition of each
              - name: attention mean difference
                difference: attention
              - name: feed-forward mean difference
                difference: feed-forward
        # comparisons:        # every condition with every measure by default
        #   - {condition: lexical clamp, measure: speed, effect: 0.01}

        """.ReplaceLineEndings("\n");

    /// <summary>A text as YAML between quotes.</summary>
    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
