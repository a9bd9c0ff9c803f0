/** Settings of PostgreSQL or pgpool: their configuration files share a grammar. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/** A configuration file's text; booleans become on and off, texts are quoted. */
export function formatSettings(settings: Settings): string {
  return Object.entries(settings).map(([name, value]) => `${name} = ${format(value)}\n`).join("");
}

function format(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return String(value);
  // Both files know \' and \\ inside of quotes; pgpool's does not know ''.
  return `'${value.replace(/[\\']/g, "\\$&")}'`;
}
