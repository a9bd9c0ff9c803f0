import { basename } from "node:path";
import { COLLECTOR_VARIABLE, WORKER_VARIABLE } from "../lib/process/roles.ts";

/**
 * Entry of the binary: what it does follows from its name, or from its first argument. Each role
 * loads its own part of the program only, because every worker pays for what it loads.
 */
if (process.env[WORKER_VARIABLE] !== undefined) {
  const { runWorker } = await import("../lib/process/worker.ts");
  runWorker();
} else if (process.env[COLLECTOR_VARIABLE] !== undefined) {
  const { runLogCollector } = await import("../lib/process/log-collector.ts");
  runLogCollector();
} else {
  const { runCommand } = await import("./command.ts");
  process.exitCode = await runCommand(basename(process.argv0), process.argv.slice(2));
}
