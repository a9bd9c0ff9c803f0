import { dlopen } from "bun:ffi";

/** O_CLOEXEC of Linux: only who is given a pipe has it. */
const CLOSE_ON_EXEC = 0o2000000;

/** Both ends of a pipe, as descriptors; whoever opened it closes them. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** There are no more pipes to be had. */
export class PipeError extends Error {
  override readonly name = "PipeError";
}

/**
 * Opens a pipe for what processes write. Bun's own are sockets, which `>/dev/stderr` cannot open.
 * @throws PipeError
 */
export function openPipe(): Pipe {
  const libc = dlopen("libc.so.6", { pipe2: { args: ["ptr", "i32"], returns: "i32" } });
  try {
    const ends = new Int32Array(2);
    if (libc.symbols.pipe2(ends, CLOSE_ON_EXEC) !== 0) throw new PipeError("no pipe is left");
    return { readFd: ends[0], writeFd: ends[1] };
  } finally {
    libc.close();
  }
}
