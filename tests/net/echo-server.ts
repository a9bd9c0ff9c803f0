// Run by accept-limit.test.ts in a process of its own: echoes on the port that it is given.
import { serveListener } from "../../lib/net/serve.ts";
import { openListeners } from "../../lib/net/listen.ts";
import { memoryLogger, plan } from "./support.ts";

const port = Number(process.argv[2]);
const listeners = await openListeners(
  { ...plan({ tcp: [{ host: "127.0.0.1", port }] }), backlog: 100 },
  memoryLogger().logger,
);
for (const { fd, kind } of listeners) {
  serveListener(fd, kind, (stream) => {
    stream.onData = (chunk) => stream.write(chunk);
  });
}
