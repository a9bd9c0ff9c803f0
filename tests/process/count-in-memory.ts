// Run by shared-memory.test.ts in processes of its own.
import { SharedCounters, sharedMemoryPath } from "../../lib/process/shared-memory.ts";

const counters = new SharedCounters(sharedMemoryPath(3), Number(process.argv[2]));
for (let i = 0; i < 10_000; i++) {
  counters.count(3, "select");
  counters.count(3, "error");
}
