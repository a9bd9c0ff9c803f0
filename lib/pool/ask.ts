import * as build from "../wire/build.ts";
import { Frame, FrameReader } from "../wire/frames.ts";
import { Backend } from "../wire/protocol.ts";
import { parseDataRow, parseErrorFields } from "../wire/read.ts";
import { refusedBy, ServerUnreachable } from "./errors.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Longest answer that is taken, in bytes. */
const MAX_ANSWER = 1024 * 1024;

/**
 * Runs one query on a connection that nobody else uses, and gives the first value of its first row;
 * null when there is none. A connection that failed is of no further use.
 *
 * @param deadlineMs milliseconds for the answer.
 * @param onNotice gets the text of notices that come with it.
 * @throws {ServerRefused} the server's own error.
 * @throws {ServerUnreachable} no answer, or none that makes sense.
 */
export function askValue(
  connection: ServerConnection,
  sql: string,
  deadlineMs: number,
  onNotice: (text: string) => void = () => {},
): Promise<string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  const fail = (reason: "no-answer" | "closed" | "not-postgresql", text: string) =>
    reject(new ServerUnreachable(connection.node, reason, text));
  const reader = new FrameReader(MAX_ANSWER);
  let value: string | null = null;
  let error: Error | undefined;
  let received = 0;
  const message = () => {
    const body = reader.bytes.subarray(reader.start + 5, reader.end);
    switch (reader.type) {
      case Backend.DataRow:
        value ??= parseDataRow(body)[0] ?? null;
        return;
      case Backend.NoticeResponse:
        onNotice(parseErrorFields(body).get("M") ?? "");
        return;
      case Backend.ErrorResponse:
        error = refusedBy(connection.node, body);
        return;
      case Backend.ReadyForQuery:
        if (error === undefined) resolve(value);
        else reject(error);
        return;
    }
  };
  const timer = setTimeout(() => fail("no-answer", "no answer to a query"), deadlineMs);
  connection.owner = {
    data(chunk) {
      received += chunk.length;
      if (received > MAX_ANSWER) return fail("not-postgresql", "the answer is too long");
      try {
        reader.feed(chunk);
        for (let found = reader.next(); found !== Frame.None; found = reader.next()) {
          if (found === Frame.Whole) message();
        }
      } catch (cause) {
        reject(
          new ServerUnreachable(connection.node, "not-postgresql", "malformed answer", { cause }),
        );
      }
    },
    drained() {},
    closed: (reason) => error === undefined ? fail("closed", reason) : reject(error),
  };
  if (connection.closed) fail("closed", "the connection is closed");
  else connection.write(build.query(sql));
  return promise.finally(() => {
    clearTimeout(timer);
    connection.owner = undefined;
  });
}
