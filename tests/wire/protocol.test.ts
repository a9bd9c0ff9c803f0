import { describe, expect, it } from "bun:test";
import { Backend, isPlausibleAnswer, MAX_MESSAGE_LENGTH } from "../../lib/wire/protocol.ts";

describe("the length of a server's message", () => {
  it.each([
    ["a row", Backend.DataRow, MAX_MESSAGE_LENGTH, true],
    ["copy data", Backend.CopyData, 1_000_000, true],
    ["an error", Backend.ErrorResponse, 100_000, true],
    ["ReadyForQuery", Backend.ReadyForQuery, 5, true],
    ["a row beyond what PostgreSQL sends", Backend.DataRow, MAX_MESSAGE_LENGTH + 1, false],
    ["less than its own length", Backend.DataRow, 3, false],
    ["a long ReadyForQuery", Backend.ReadyForQuery, 100_000, false],
    ["a long message of no known type", 0x58, 100_000, false],
  ])("%s", (_, type, length, plausible) => {
    expect(isPlausibleAnswer(type, length)).toBe(plausible);
  });
});
