/** What the figures were measured on and with; nothing that names the machine or its user. */
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { pgpoolBinary, postgresBin } from "../../tests/support/programs.ts";
import { join } from "node:path";
import type { Program } from "../../tests/support/debian.ts";
import { versionOf } from "./programs.ts";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  /** Bytes. */
  readonly memory: number;
  readonly kernel: string;
  readonly architecture: string;
  /** Program and what it says of its version. */
  readonly versions: Readonly<Record<string, string>>;
}

/** @param programs those that take part, with their names. */
export function describeMachine(programs: Readonly<Record<string, Program | null>>): Machine {
  const versions = Object.entries(programs).flatMap(([name, program]) => {
    const version = program === null ? "" : versionOf(program);
    return version === "" ? [] : [[name, version] as const];
  });
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memory: totalmem(),
    kernel: release(),
    architecture: process.arch,
    versions: { bun: Bun.version, ...Object.fromEntries(versions) },
  };
}

/** PostgreSQL's server program. */
export function postgresProgram(): Program {
  return { path: join(postgresBin(null), "postgres"), env: {} };
}

/** pgpool itself. */
export function pgpoolProgram(): Program {
  return { path: pgpoolBinary(null), env: {} };
}
