/**
 * What a client sees of a PostgreSQL server, with nothing behind it: thousands of real server
 * processes would not fit into the memory of the machine that is measured. Anybody may log in, and
 * every query gives one row.
 *
 * Usage: stub-server.ts PORT
 */
import {
  authentication,
  backendKeyData,
  commandComplete,
  dataRow,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../../lib/wire/build.ts";
import { Frame, FrameReader } from "../../lib/wire/frames.ts";
import { Frontend, TransactionStatus } from "../../lib/wire/protocol.ts";
import { parseStartup, startupLength } from "../../lib/wire/startup.ts";

const INT4 = 23;

const IDLE = readyForQuery(TransactionStatus.Idle);
const GREETING = Buffer.concat([
  authentication(0),
  ...[
    ["server_version", "18.0"],
    ["server_encoding", "UTF8"],
    ["client_encoding", "UTF8"],
    ["standard_conforming_strings", "on"],
    ["integer_datetimes", "on"],
    ["DateStyle", "ISO, MDY"],
    ["TimeZone", "UTC"],
    ["default_transaction_read_only", "off"],
    ["in_hot_standby", "off"],
  ].map(([name = "", value = ""]) => parameterStatus(name, value)),
]);
const ANSWER = Buffer.concat([
  rowDescription([{ name: "one", type: INT4 }]),
  dataRow(["1"]),
  commandComplete("SELECT 1"),
  IDLE,
]);

interface Client {
  /** Null until the startup packet has been answered. */
  reader: FrameReader | null;
}

let lastPid = 0;

/** Answers the first packet: it comes in one piece on the loopback. */
function greet(socket: Bun.Socket<Client>, packet: Uint8Array): void {
  const length = startupLength(packet, 0, packet.length);
  const request = parseStartup(packet.subarray(0, length));
  switch (request.kind) {
    case "startup":
      socket.data.reader = new FrameReader();
      socket.write(Buffer.concat([GREETING, backendKeyData(++lastPid, Buffer.alloc(4)), IDLE]));
      return;
    case "ssl":
    case "gssenc":
      socket.write("N");
      return;
    case "cancel":
      socket.end();
  }
}

function answer(socket: Bun.Socket<Client>, reader: FrameReader, chunk: Uint8Array): void {
  reader.feed(chunk);
  for (let frame = reader.next(); frame !== Frame.None; frame = reader.next()) {
    if (frame !== Frame.Whole) continue;
    if (reader.type === Frontend.Query) socket.write(ANSWER);
    else if (reader.type === Frontend.Sync) socket.write(IDLE);
    else if (reader.type === Frontend.Terminate) socket.end();
  }
}

Bun.listen<Client>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    open: (socket) => void (socket.data = { reader: null }),
    data(socket, chunk) {
      const { reader } = socket.data;
      if (reader === null) greet(socket, chunk);
      else answer(socket, reader, chunk);
    },
  },
});
