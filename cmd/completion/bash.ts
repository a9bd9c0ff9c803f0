import { allNodes, type CompletionNode, type CompletionOption } from "./tree.ts";

/** The script for bash; it needs nothing but bash itself. */
export function bashCompletion(root: CompletionNode): string {
  const nodes = allNodes(root);
  return `# bash completion of pgpool; made by "pgpool completion bash"
_pgpool() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="" path="" i
  [ "$COMP_CWORD" -eq 0 ] || before="\${COMP_WORDS[COMP_CWORD - 1]}"
  # Which command stands before the cursor.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${nodes.flatMap((node) => node.commands).map(pathCase).join("\n")}
    esac
  done
  case "$path $before" in
${nodes.flatMap(valueCases).join("\n")}
  esac
  case "$path" in
${nodes.map(wordsCase).join("\n")}
  esac
}
complete -F _pgpool pgpool
`;
}

/** How the script writes a command: every word of it after a blank. */
function pathKey(path: readonly string[]): string {
  return path.map((word) => ` ${word}`).join("");
}

function pathCase({ path }: CompletionNode): string {
  return `      ${quote(pathKey(path))}) path=${quote(pathKey(path))} ;;`;
}

function valueCases({ path, options }: CompletionNode): string[] {
  return options.filter(({ value }) => value !== "none").map(({ flags, value }) => {
    const patterns = flags.map((flag) => quote(`${pathKey(path)} ${flag}`)).join(" | ");
    return `    ${patterns}) ${valueWords(value)}; return ;;`;
  });
}

function valueWords(value: CompletionOption["value"]): string {
  if (value === "file") return 'mapfile -t COMPREPLY < <(compgen -f -- "$word")';
  if (typeof value === "string") return "COMPREPLY=()";
  return wordList(value);
}

function wordsCase({ path, options, choices, commands }: CompletionNode): string {
  const words = [
    ...commands.map((command) => command.path.at(-1) ?? ""),
    ...choices,
    ...options.flatMap(({ flags }) => flags),
  ];
  return `    ${quote(pathKey(path))}) ${wordList(words)} ;;`;
}

function wordList(words: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W ${quote(words.join(" "))} -- "$word")`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
