import { basename } from "node:path";
import { COLLECTOR_VARIABLE, runLogCollector } from "../lib/process/log-collector.ts";
import { runWorker } from "../lib/process/worker.ts";
import { WORKER_VARIABLE } from "../lib/process/worker-process.ts";
import { runCommand } from "./command.ts";

/** Entry of the binary: what it does follows from its name, or from its first argument. */
if (process.env[WORKER_VARIABLE] !== undefined) {
  runWorker();
} else if (process.env[COLLECTOR_VARIABLE] !== undefined) {
  runLogCollector();
} else {
  process.exitCode = await runCommand(basename(process.argv0), process.argv.slice(2));
}
