import { InvalidArgumentError } from "commander";

/** Highest id that a backend node can have. */
const MAX_NODE_ID = 127;

const MAX_PORT = 65535;

const LEAST_SECONDS = 0.1;
/** A day: a command waits for nothing that takes longer. */
const MOST_SECONDS = 86_400;

/** The whole number that a text is, undefined when it is none of the range. */
export function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}

/** @throws {InvalidArgumentError} */
export function parsePort(text: string): number {
  return wholeNumber(text, 1, MAX_PORT) ?? refuse(`It is a number from 1 to ${MAX_PORT}.`);
}

/** @throws {InvalidArgumentError} */
export function parseNodeId(text: string): number {
  return wholeNumber(text, 0, MAX_NODE_ID) ?? refuse(`It is a number from 0 to ${MAX_NODE_ID}.`);
}

/** @throws {InvalidArgumentError} */
export function parsePid(text: string): number {
  return wholeNumber(text, 1, Number.MAX_SAFE_INTEGER) ?? refuse("It is a number from 1 on.");
}

/** @throws {InvalidArgumentError} */
export function parseWatchdogId(text: string): number {
  return wholeNumber(text, 0, Number.MAX_SAFE_INTEGER) ?? refuse("It is a number from 0 on.");
}

/** @throws {InvalidArgumentError} */
export function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) return seconds;
  return refuse(`It is a number of seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}.`);
}

function refuse(message: string): never {
  throw new InvalidArgumentError(message);
}
