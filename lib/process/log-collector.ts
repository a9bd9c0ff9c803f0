import { COLLECTOR_VARIABLE } from "./roles.ts";
import { WholeLines } from "../log/lines.ts";
import { type LogFileSettings, RotatingFile } from "../log/rotating-file.ts";
import { FIRST_FD } from "./worker-process.ts";

/** How often the age of the file is looked at when nothing is written, in milliseconds. */
const TICK_MS = 10_000;

/** Messages from the supervisor to the collector. */
export type CollectorMessage =
  | { readonly type: "settings"; readonly settings: LogFileSettings }
  | { readonly type: "rotate" };

/**
 * The process behind logging_collector: it writes to files what the others write to their pipes,
 * and ends when all of them have ended. A disk that is slow or full is its trouble alone.
 */
export function runLogCollector(): void {
  const count = Number(process.env[COLLECTOR_VARIABLE]);
  const started = Promise.withResolvers<RotatingFile>();
  let file: RotatingFile | undefined;
  process.on("message", (message: CollectorMessage) => {
    if (message.type === "rotate") file?.rotate();
    else if (file !== undefined) file.configure(message.settings);
    else started.resolve(file = new RotatingFile(message.settings, report));
  });
  process.on("SIGUSR1", () => file?.rotate());
  // It has to outlive those who log.
  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const) {
    process.on(signal, () => {});
  }
  void started.promise.then(async (file) => {
    setInterval(() => file.tick(), TICK_MS);
    const fds = Array.from({ length: count }, (_, index) => FIRST_FD + index);
    await Promise.all(fds.map((fd) => collect(fd, file)));
    file.close();
    process.exit(0);
  });
}

async function collect(fd: number, file: RotatingFile): Promise<void> {
  const lines = new WholeLines();
  for await (const chunk of Bun.file(fd).stream()) {
    const complete = lines.take(chunk);
    if (complete !== undefined) file.write(complete);
  }
  const rest = lines.end();
  if (rest !== undefined) file.write(rest);
}

function report(text: string): void {
  process.stderr.write(`logger pid ${process.pid}: WARNING:  ${text}\n`);
}
