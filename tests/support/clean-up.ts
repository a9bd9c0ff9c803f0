/**
 * What has to be undone when the tests are over, whatever became of them. Servers end before the
 * directories that they write into are removed.
 */
type Stage = "server" | "directory";

interface Duty {
  readonly stage: Stage;
  readonly run: () => void | Promise<void>;
}

const duties = new Set<Duty>();

/** Registers a duty; the returned function takes it back (it has been done already). */
export function onCleanUp(run: () => void | Promise<void>, stage: Stage = "server"): () => void {
  const duty = { stage, run };
  duties.add(duty);
  return () => void duties.delete(duty);
}

/** Does all duties, newest first, and reports those that fail. */
export async function cleanUp(): Promise<void> {
  for (const stage of ["server", "directory"] as const) {
    for (const duty of [...duties].reverse()) {
      if (duty.stage !== stage || !duties.delete(duty)) continue;
      try {
        await duty.run();
      } catch (error) {
        process.stderr.write(`clean-up failed: ${Bun.inspect(error)}\n`);
      }
    }
  }
}
