import { createInterface } from "node:readline/promises";

/** Asks a question on the terminal; an empty answer stands for the usual one. */
export type Ask = (question: string, usual: string) => Promise<string>;

/** A terminal to ask on; undefined when there is none, or output is for a program. */
export function terminal(json: boolean): Ask | undefined {
  if (json || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question, usual) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await reader.question(`${question}${usual === "" ? "" : ` [${usual}]`}: `);
      return answer.trim() || usual;
    } finally {
      reader.close();
    }
  };
}
