import { bind, execute, parse, type Value } from "../../../support/frontend.ts";

/** Parse, Bind and Execute of the unnamed statement, without Sync. */
export function run(sql: string, ...values: readonly Value[]): Uint8Array[] {
  return [parse(sql), bind({ values }), execute()];
}

/** The messages for 0, 1, …, one after the other. */
export function repeat(times: number, messages: (at: number) => readonly Uint8Array[]) {
  return Array.from({ length: times }, (_, at) => messages(at)).flat();
}
