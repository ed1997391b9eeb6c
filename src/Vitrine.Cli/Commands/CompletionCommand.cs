using System.CommandLine;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine completion SHELL</c>: a script that lets the shell complete verbs, options and their values.</summary>
/// <remarks>The scripts ask the command itself, by the directive <c>[suggest:POSITION]</c> of System.CommandLine.</remarks>
internal static class CompletionCommand
{
    private static readonly Dictionary<string, string> Scripts = new()
    {
        ["bash"] = """
            # eval "$(vitrine completion bash)" in ~/.bashrc
            _vitrine() {
                local before="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}"
                local whole="${before##* }"
                local IFS=$'\n' skip="${whole%"$word"}"
                COMPREPLY=($(vitrine "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null | while read -r found; do
                    case "$found" in "$whole"*) printf '%s\n' "${found#"$skip"}" ;; esac
                done))
            }
            complete -o default -F _vitrine vitrine
            """,
        ["zsh"] = """
            # eval "$(vitrine completion zsh)" in ~/.zshrc, behind compinit
            _vitrine() {
                local -a found
                found=("${(@f)$(vitrine "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
                if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
            }
            compdef _vitrine vitrine
            """,
        ["fish"] = """
            # vitrine completion fish > ~/.config/fish/completions/vitrine.fish
            complete -c vitrine -a '(vitrine "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
            """,
        ["pwsh"] = """
            # vitrine completion pwsh | Out-String | Invoke-Expression, in $PROFILE
            Register-ArgumentCompleter -Native -CommandName vitrine -ScriptBlock {
                param($word, $ast, $position)
                vitrine "[suggest:$position]" "$ast" 2>$null | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = string.Join(", ", Scripts.Keys) };
        shell.CompletionSources.Add([.. Scripts.Keys]);
        var command = new Command("completion", "Print a script that lets a shell complete verbs, options and their values.") { shell };
        command.SetAction(parsed => Console.WriteLine(
            Scripts.TryGetValue(parsed.GetValue(shell)!, out var script)
                ? script
                : throw new VitrineException($"completion: '{parsed.GetValue(shell)}' is no shell of these: {string.Join(", ", Scripts.Keys)}.")));
        return command;
    }
}
