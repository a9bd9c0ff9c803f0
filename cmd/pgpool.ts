import { basename } from "node:path";
import { runWorker } from "../lib/process/worker.ts";
import { WORKER_VARIABLE } from "../lib/process/worker-process.ts";
import { runCommand } from "./command.ts";

/** Entry of the binary: what it does follows from its name, or from its first argument. */
if (process.env[WORKER_VARIABLE] !== undefined) {
  runWorker();
} else {
  process.exitCode = await runCommand(basename(process.argv0), process.argv.slice(2));
}
