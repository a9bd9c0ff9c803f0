import * as build from "../wire/build.ts";
import { ProtocolError } from "../wire/errors.ts";
import { Frame, FrameReader } from "../wire/frames.ts";
import { Backend, TransactionStatus } from "../wire/protocol.ts";
import { parseParameterStatus } from "../wire/read.ts";
import type { ServerConnection } from "./server-connection.ts";

/** How long the server may take for one statement of pgpool's own (behaviour.md 6: 10 s). */
const DEADLINE_MS = 10_000;

/**
 * Runs statements one after the other on a connection that nobody else uses, and keeps the
 * parameters the server reports up to date. Resolves to false when one of them failed, the server
 * left the connection in a transaction, or did not answer in time.
 */
export function runStatements(
  connection: ServerConnection,
  statements: readonly string[],
): Promise<boolean> {
  if (statements.length === 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    const reader = new FrameReader();
    let next = 0;
    let failed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = (good: boolean) => {
      clearTimeout(timer);
      connection.owner = undefined;
      resolve(good);
    };
    const sendNext = () => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), DEADLINE_MS);
      connection.write(build.query(statements[next++]));
    };
    const ready = (status: number) => {
      if (failed) finish(false);
      else if (next < statements.length) sendNext();
      else finish(status === TransactionStatus.Idle);
    };
    const message = (): void => {
      const body = reader.bytes.subarray(reader.start + 5, reader.end);
      if (reader.type === Backend.ErrorResponse) failed = true;
      else if (reader.type === Backend.ReadyForQuery) ready(body[0]);
      else if (reader.type === Backend.ParameterStatus) {
        const parameter = parseParameterStatus(body);
        if (parameter !== undefined) connection.parameters.set(parameter[0], parameter[1]);
      }
    };
    connection.owner = {
      data(chunk) {
        try {
          reader.feed(chunk);
          for (let found = reader.next(); found !== Frame.None; found = reader.next()) {
            if (found === Frame.Whole) message();
          }
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          finish(false);
        }
      },
      drained() {},
      closed: () => finish(false),
    };
    if (connection.closed) finish(false);
    else sendNext();
  });
}
