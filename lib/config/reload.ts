import { hostname } from "node:os";
import { backendOf, buildConfig, parseBackendFlags, settingsOf } from "./config.ts";
import type { Config, Source } from "./config.ts";
import { resolveName } from "./names.ts";
import type { AnyValue, Parameter } from "./parameters.ts";
import { formatShown } from "./show.ts";

/** A parameter whose file says something new; values as PGPOOL SHOW prints them. */
export interface Change {
  readonly name: string;
  readonly old: string;
  readonly new: string;
}

/** What a reload makes of a new file. */
export interface ReloadResult {
  /** The configuration to go on with. */
  readonly config: Config;
  /** What is different in it. */
  readonly changed: readonly Change[];
  /** What the file changes but only a restart can bring into force. */
  readonly needRestart: readonly Change[];
}

/**
 * Takes from a freshly loaded configuration what may change while running (parameters.md 2).
 * Host and port of a server change only for a slot that was unused, its data directory also when
 * the server is down (`isDown`), and ALWAYS_PRIMARY is never taken away.
 */
export function applyReload(
  old: Config,
  fresh: Config,
  isDown: (backend: number) => boolean = () => false,
): ReloadResult {
  const before = settingsOf(old);
  const after = settingsOf(fresh);
  const settings = new Map(after);
  const sources = new Map<string, Source>(fresh.sources);
  const changed: Change[] = [];
  const needRestart: Change[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const resolved = resolveName(name);
    if (resolved.kind !== "parameter") continue;
    const { base, parameter, index } = resolved;
    const oldValue = valueIn(before, name, base, parameter);
    const newValue = valueIn(after, name, base, parameter);
    if (equalValues(oldValue, newValue)) continue;
    const change = describe(name, parameter, oldValue, newValue);
    const backend = index === undefined ? undefined : backendOf(old, index);
    if (isFixed(base, parameter, backend !== undefined, backend && isDown(backend.id))) {
      keep(name, before, settings, old.sources, sources);
      needRestart.push(change);
    } else if (base === "backend_flag" && backend?.alwaysPrimary && !isAlwaysPrimary(newValue)) {
      settings.set(name, `${newValue}|ALWAYS_PRIMARY`);
      needRestart.push(change);
    } else {
      changed.push(change);
    }
  }
  const { path, directory } = fresh;
  const origin = { sources, path, directory, watchdogNodeId: old.watchdogNodeId };
  const config = buildConfig(settings, { ...origin, localHostname: hostname() });
  return { config, changed, needRestart };
}

function isFixed(
  base: string,
  parameter: Parameter,
  slotInUse: boolean,
  isDown: boolean | undefined,
): boolean {
  if (parameter.context === "startup" || parameter.readOnce) return true;
  if (base === "backend_hostname" || base === "backend_port") return slotInUse;
  return base === "backend_data_directory" && slotInUse && !isDown;
}

function keep(
  name: string,
  before: ReadonlyMap<string, AnyValue>,
  settings: Map<string, AnyValue>,
  oldSources: ReadonlyMap<string, Source>,
  sources: Map<string, Source>,
): void {
  const value = before.get(name);
  if (value === undefined) settings.delete(name);
  else settings.set(name, value);
  const source = oldSources.get(name);
  if (source === undefined) sources.delete(name);
  else sources.set(name, source);
}

/** Own value of the node, else that for all nodes, else the default. */
function valueIn(
  settings: ReadonlyMap<string, AnyValue>,
  name: string,
  base: string,
  parameter: Parameter,
): AnyValue {
  return settings.get(name) ?? settings.get(base) ?? parameter.default;
}

function describe(name: string, parameter: Parameter, old: AnyValue, fresh: AnyValue): Change {
  return { name, old: formatShown(parameter, old), new: formatShown(parameter, fresh) };
}

function isAlwaysPrimary(flags: AnyValue): boolean {
  return typeof flags === "string" && parseBackendFlags(flags).alwaysPrimary;
}

function equalValues(one: AnyValue, other: AnyValue): boolean {
  if (typeof one !== "object" || typeof other !== "object") return one === other;
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
