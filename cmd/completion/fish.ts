import { allNodes, type CompletionNode, type CompletionOption } from "./tree.ts";

/** The script for fish. */
export function fishCompletion(root: CompletionNode): string {
  const lines = allNodes(root).flatMap((node) => nodeLines(node));
  return `# fish completion of pgpool; made by "pgpool completion fish"
complete -c pgpool -f
${lines.join("\n")}
`;
}

function nodeLines(node: CompletionNode): string[] {
  const condition = `-n ${quote(conditionFor(node))}`;
  const words = [
    ...node.commands.map(({ path, description }) => [path.at(-1) ?? "", description] as const),
    ...node.choices.map((choice) => [choice, ""] as const),
  ];
  return [
    ...words.map(([word, description]) =>
      `complete -c pgpool ${condition} -a ${quote(word)}${described(description)}`
    ),
    ...node.options.map((option) => `complete -c pgpool ${condition} ${optionWords(option)}`),
  ];
}

/** True where the command is the last that stands on the line. */
function conditionFor({ path, commands }: CompletionNode): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const below = commands.map((command) => command.path.at(-1)).join(" ");
  if (below !== "") seen.push(`not __fish_seen_subcommand_from ${below}`);
  return seen.length === 0 ? "true" : seen.join("; and ");
}

function optionWords({ flags, description, value }: CompletionOption): string {
  const names = flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
  );
  return `${names.join(" ")}${valueWords(value)}${described(description)}`;
}

function valueWords(value: CompletionOption["value"]): string {
  if (value === "none") return "";
  if (value === "file") return " -r -F";
  return typeof value === "string" ? " -x" : ` -x -a ${quote(value.join(" "))}`;
}

function described(description: string): string {
  return description === "" ? "" : ` -d ${quote(description)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
