import { createInterface } from "node:readline/promises";
import { INTERRUPTED_STATUS } from "./exit-status.ts";
import { CommandFailure } from "./output.ts";

/** Asks a question on the terminal; an empty answer stands for the usual one. */
export type Ask = (question: string, usual: string) => Promise<string>;

/**
 * A terminal to ask on; undefined when there is none, or output is for a program. Ctrl-C at a
 * question ends the program; Ctrl-D is no answer, and a CommandFailure.
 */
export function terminal(json: boolean): Ask | undefined {
  if (json || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question, usual) => {
    const answer = await line(`${question}${usual === "" ? "" : ` [${usual}]`}: `);
    return answer.trim() || usual;
  };
}

async function line(prompt: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  reader.once("SIGINT", () => {
    reader.close();
    process.stderr.write("\n");
    process.exit(INTERRUPTED_STATUS);
  });
  reader.question(prompt).then(resolve, () => {
    process.stderr.write("\n");
    reject(new CommandFailure("not-confirmed", "nothing has been done", ""));
  });
  try {
    return await promise;
  } finally {
    reader.close();
  }
}
