/** One figure of Prometheus' text format. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Figures of one name, a histogram's buckets, sum and count together. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;

/**
 * Reads Prometheus' text format 0.0.4 and holds it to its rules: HELP and TYPE before the figures,
 * no family and no series twice, sound histograms. Throws what is wrong.
 */
export function parseExposition(text: string): Map<string, ParsedFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { type: string; help: string; samples: ParsedSample[] }>();
  let help: [string, string] | undefined;
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, word, name = "", rest = ""] =
      new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line) ?? [];
    if (word === "HELP") {
      help = [name, rest];
    } else if (word === "TYPE") {
      if (help?.[0] !== name) throw new Error(`TYPE of ${name} does not follow its HELP`);
      if (families.has(name)) throw new Error(`${name} is there twice`);
      families.set(name, { type: rest, help: help[1], samples: [] });
      current = name;
    } else {
      const family = families.get(current);
      const sample = parseSample(line);
      if (family === undefined || !belongs(sample.name, current, family.type)) {
        throw new Error(`${line} does not belong to ${current}`);
      }
      family.samples.push(sample);
    }
  }
  const parsed = new Map([...families].map(([name, family]) => [name, { name, ...family }]));
  for (const family of parsed.values()) check(family);
  return parsed;
}

/** The figures of a family that have these labels, whatever else they have. */
export function samplesOf(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Readonly<Record<string, string | number>> = {},
): ParsedSample[] {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  return family?.samples.filter((sample) =>
    sample.name === name &&
    Object.entries(labels).every(([label, value]) => sample.labels[label] === String(value))
  ) ?? [];
}

/** The sum of these figures. */
export function sumOf(...selection: Parameters<typeof samplesOf>): number {
  return samplesOf(...selection).reduce((sum, { value }) => sum + value, 0);
}

function parseSample(line: string): ParsedSample {
  const [, name = "", , labels = "", value = ""] =
    new RegExp(`^(${NAME})(\\{(.*)\\})? ([^ ]+)$`).exec(line) ?? [];
  if (name === "" || Number.isNaN(Number(value))) throw new Error(`not a figure: ${line}`);
  return { name, labels: parseLabels(labels), value: Number(value) };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== "";) {
    const match = LABEL.exec(rest);
    if (match === null) throw new Error(`not labels: ${text}`);
    const [all, name = "", value = ""] = match;
    labels[name] = value.replace(/\\(.)/g, (_, letter) => letter === "n" ? "\n" : letter);
    rest = rest.slice(all.length);
  }
  return labels;
}

function belongs(sample: string, family: string, type: string): boolean {
  if (type !== "histogram") return sample === family;
  return ["_bucket", "_sum", "_count"].some((suffix) => sample === family + suffix);
}

function check({ name, type, samples }: ParsedFamily): void {
  const series = samples.map((sample) => JSON.stringify([sample.name, sample.labels]));
  if (new Set(series).size !== series.length) throw new Error(`${name} has a series twice`);
  if (type === "counter" && !name.endsWith("_total")) throw new Error(`${name} lacks _total`);
  if (type === "gauge" && name.endsWith("_total")) throw new Error(`${name} is no counter`);
  if (type === "histogram") checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const groups = Map.groupBy(samples, ({ labels }) => {
    const { le: _, ...others } = labels;
    return JSON.stringify(others);
  });
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) =>
      labels["le"] === "+Inf" ? Infinity : Number(labels["le"])
    );
    const counts = buckets.map(({ value }) => value);
    const total = group.find((sample) => sample.name === `${name}_count`)?.value;
    const isSorted = (list: readonly number[]) =>
      list.every((each, i) => i === 0 || each >= (list[i - 1] ?? 0));
    if (!isSorted(bounds) || bounds.at(-1) !== Infinity) {
      throw new Error(`${name}: bounds ${bounds}`);
    }
    if (!isSorted(counts) || counts.at(-1) !== total) throw new Error(`${name}: counts ${counts}`);
    if (!group.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name}: no sum`);
  }
}
