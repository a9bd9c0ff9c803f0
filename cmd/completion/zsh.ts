import { allNodes, type CompletionNode, type CompletionOption } from "./tree.ts";

/** The script for zsh: a function for every command. */
export function zshCompletion(root: CompletionNode): string {
  return `#compdef pgpool
# zsh completion of pgpool; made by "pgpool completion zsh"
${allNodes(root).map(nodeFunction).join("\n")}
if [ "$funcstack[1]" = "_pgpool" ]; then
  _pgpool "$@"
else
  compdef _pgpool pgpool
fi
`;
}

function functionName(path: readonly string[]): string {
  return ["_pgpool", ...path].join("_").replaceAll("-", "_");
}

function nodeFunction(node: CompletionNode): string {
  const options = node.options.flatMap(optionSpecs);
  return node.commands.length > 0 ? groupFunction(node, options) : leafFunction(node, options);
}

function groupFunction({ path, commands }: CompletionNode, options: readonly string[]): string {
  const names = commands.map((command) => {
    const name = command.path.at(-1) ?? "";
    return `    ${quote(`${name}:${command.description}`)}`;
  });
  const cases = commands.map((command) =>
    `        ${command.path.at(-1) ?? ""}) ${functionName(command.path)} ;;`
  );
  const lines = [...options, "'1: :->command'", "'*:: :->rest'"];
  return `${functionName(path)}() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${names.join("\n")}
  )
  _arguments -C \\
    ${lines.join(" \\\n    ")}
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
${cases.join("\n")}
      esac
      ;;
  esac
}`;
}

function leafFunction({ path, choices }: CompletionNode, options: readonly string[]): string {
  const lines = choices.length === 0 ? options : [...options, quote(`1: :(${choices.join(" ")})`)];
  return `${functionName(path)}() {
  _arguments \\
    ${lines.join(" \\\n    ")}
}`;
}

/** One specification a flag, which excludes the option's other flag. */
function optionSpecs({ flags, description, value }: CompletionOption): string[] {
  const text = description.replace(/[\\[\]:]/g, "\\$&");
  return flags.map((flag) => quote(`(${flags.join(" ")})${flag}[${text}]${valueSpec(value)}`));
}

function valueSpec(value: CompletionOption["value"]): string {
  if (value === "none") return "";
  if (value === "file") return ":file:_files";
  return typeof value === "string" ? ":value: " : `:value:(${value.join(" ")})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
