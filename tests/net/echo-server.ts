// Run by accept-limit.test.ts in a process of its own: echoes on the port that it is given.
import { AcceptGuard } from "../../lib/net/accept-guard.ts";
import { serveListener } from "../../lib/net/serve.ts";
import { openListeners } from "../../lib/net/listen.ts";
import { memoryLogger, plan } from "./support.ts";

const port = Number(process.argv[2]);
const { logger } = memoryLogger();
const listeners = await openListeners(
  { ...plan({ tcp: [{ host: "127.0.0.1", port }] }), backlog: 100 },
  logger,
);
const served = listeners.map(({ fd, kind }) =>
  serveListener(fd, kind, (stream) => {
    guard.accepted();
    stream.onData = (chunk) => stream.write(chunk);
  })
);
const guard = new AcceptGuard(served, logger);
setInterval(() => guard.tick(), 50);
