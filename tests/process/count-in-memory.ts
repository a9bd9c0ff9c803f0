// Run by shared-memory.test.ts in processes of its own.
import { SharedCounters, sharedMemoryPath } from "../../lib/process/shared-memory.ts";

const { figures } = new SharedCounters(sharedMemoryPath(3), Number(process.argv[2]));
for (let i = 0; i < 10_000; i++) {
  figures.count(3, "select");
  figures.count(3, "error");
  figures.took(3, "statement", 0.2);
}
