import type { DurationStatistics } from "../../pcp/statistics.ts";

/** Names and values of labels; values may hold anything. */
export type Labels = Readonly<Record<string, string | number>>;

/** One figure. */
export interface Sample {
  /** Behind the name of the family: `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Labels;
  readonly value: number;
}

/** Figures of one name. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Content type of the text format, as Prometheus asks for it. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Writes figures in Prometheus' text format 0.0.4; a family without figures is left out. */
export function exposition(families: readonly Family[]): string {
  return families.filter(({ samples }) => samples.length > 0).map(familyText).join("");
}

/** A family with one figure, or with a figure for each set of labels. */
export function family(
  type: "counter" | "gauge",
  name: string,
  help: string,
  figures: number | readonly (readonly [Labels, number])[],
): Family {
  const samples: Sample[] = typeof figures === "number"
    ? [{ labels: {}, value: figures }]
    : figures.map(([labels, value]) => ({ labels, value }));
  return { name, type, help, samples };
}

/** The figures of a histogram: its buckets, each with all below it, their sum and number. */
export function histogramSamples(labels: Labels, durations: DurationStatistics): Sample[] {
  let count = 0;
  const buckets = durations.counts.map((inBucket, index): Sample => {
    count += inBucket;
    const bound = durations.bounds[index];
    const le = bound === undefined ? "+Inf" : String(bound);
    return { suffix: "_bucket", labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { suffix: "_sum", labels, value: durations.sum },
    { suffix: "_count", labels, value: count },
  ];
}

function familyText({ name, type, help, samples }: Family): string {
  const lines = samples.map(({ suffix = "", labels, value }) =>
    `${name}${suffix}${labelText(labels)} ${value}\n`
  );
  return `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escape(String(value)).replaceAll('"', '\\"')}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
