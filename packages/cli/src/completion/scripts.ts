/** Shells whose completion there is. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type ShellName = (typeof SHELLS)[number];

/** What a shell reads once; whatever is completed is asked of `afterpatch __complete WORD...`, see complete.ts. */
export const SCRIPTS: Readonly<Record<ShellName, string>> = {
  // COMP_WORDS is split at '=' and ':', which patterns are full of: the line is split at blanks instead, and what bash
  // takes for the word in hand begins behind the last of these two.
  bash: `# bash completion of afterpatch: source <(afterpatch completion bash)
_afterpatch() {
  local line=\${COMP_LINE:0:COMP_POINT} words candidates last current head text
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[-1]}
  mapfile -t candidates < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  [[ \${#candidates[@]} -gt 0 ]] || return 0
  last=\${candidates[-1]}
  unset 'candidates[-1]'
  head=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  for text in "\${candidates[@]}"; do
    text=\${text%%$'\\t'*}
    COMPREPLY+=("\${text#"$head"}")
  done
  case $last in
    :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "\${current##*=}") ;;
    :directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "\${current##*=}") ;;
  esac
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == --*= ]]; then compopt -o nospace; fi
}
complete -F _afterpatch afterpatch
`,
  zsh: `#compdef afterpatch
# zsh completion of afterpatch: source <(afterpatch completion zsh), or a file _afterpatch in $fpath
_afterpatch() {
  local -a lines texts shown
  local line last text
  lines=("\${(@f)$("\${words[1]}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  last=\${lines[-1]}
  lines=("\${(@)lines[1,-2]}")
  for line in "\${lines[@]}"; do
    text=\${line%%$'\\t'*}
    texts+=("$text")
    shown+=("\${(r:32:)text} \${line#*$'\\t'}")
  done
  case $last in
    :files) compset -P '*='; _files ;;
    :directories) compset -P '*='; _files -/ ;;
    *) (( \${#texts} )) && compadd -l -d shown -a texts ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _afterpatch "$@"; else compdef _afterpatch afterpatch; fi
`,
  fish: `# fish completion of afterpatch: afterpatch completion fish | source
function __afterpatch_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
  test (count $lines) -gt 0; or return
  switch $lines[-1]
    case ':files'
      __fish_complete_path (string replace -r '^--[a-z-]+=' '' -- $words[-1])
    case ':directories'
      __fish_complete_directories (string replace -r '^--[a-z-]+=' '' -- $words[-1])
    case '*'
      test (count $lines) -gt 1; and printf '%s\\n' $lines[1..-2]
  end
end
complete -c afterpatch -e
complete -c afterpatch -f -a '(__afterpatch_complete)'
`,
};
