import { describe, expect, it } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nonBlockingWriter } from "../../lib/log/descriptor.ts";
import type { DescriptorWriter, WriteResult } from "../../lib/log/descriptor.ts";
import { Logger } from "../../lib/log/log.ts";
import { StderrSink } from "../../lib/log/stderr.ts";

/** A destination that answers as told. */
class ScriptedWriter implements DescriptorWriter {
  answer: (bytes: Uint8Array) => WriteResult = (bytes) => ({
    state: "written",
    written: bytes.length,
  });
  text = "";

  write(bytes: Uint8Array): WriteResult {
    const result = this.answer(bytes);
    if (result.state === "written") {
      this.text += new TextDecoder().decode(bytes.subarray(0, result.written));
    }
    return result;
  }

  close(): void {}
}

function setUp() {
  const writer = new ScriptedWriter();
  const sink = new StderrSink(writer);
  const logger = new Logger({ sinks: [sink], prefix: "" });
  return { writer, sink, logger };
}

const takesAll = (bytes: Uint8Array): WriteResult => ({ state: "written", written: bytes.length });

describe("standard error", () => {
  it("gets each message as it comes", () => {
    const { writer, logger } = setUp();
    logger.error("a");
    logger.error("b");
    expect(writer.text).toBe("ERROR:  a\nERROR:  b\n");
  });

  it("that is full for a while gets everything later, in order", () => {
    const { writer, sink, logger } = setUp();
    writer.answer = () => ({ state: "full" });
    logger.error("a");
    writer.answer = (bytes) => ({ state: "written", written: Math.min(3, bytes.length) });
    logger.error("b");
    writer.answer = takesAll;
    sink.flush();
    expect(writer.text).toBe("ERROR:  a\nERROR:  b\n");
    expect(sink.lost).toBe(0);
  });

  it("that stays full costs bounded memory; what was lost is told once", () => {
    const { writer, sink, logger } = setUp();
    writer.answer = () => ({ state: "full" });
    for (let count = 0; count < 500; count++) logger.error(`${count} ${"x".repeat(1000)}`);
    expect(sink.lost).toBeGreaterThan(200);
    writer.answer = takesAll;
    const { lost } = sink;
    logger.error("back");
    expect(writer.text.length).toBeLessThan(300 * 1024);
    expect(writer.text).toContain(`${lost} log messages were lost`);
    const before = writer.text.length;
    logger.error("more");
    expect(writer.text.slice(before)).toBe("ERROR:  more\n");
  });

  it("that fails, as a full disk does, drops messages without an error", () => {
    const { writer, sink, logger } = setUp();
    writer.answer = () => ({ state: "failed", reason: "ENOSPC" });
    logger.error("a");
    logger.error("b");
    expect(sink.lost).toBe(2);
    writer.answer = takesAll;
    logger.error("c");
    expect(writer.text).toBe(
      "ERROR:  c\nWARNING:  2 log messages were lost because the log could not be written " +
        "(ENOSPC)\n",
    );
  });
});

describe("a descriptor", () => {
  it("of a file is written to where it stands", () => {
    const directory = mkdtempSync(join(tmpdir(), "pgpool-log-"));
    const path = join(directory, "log");
    const fd = openSync(path, "w");
    try {
      const writer = nonBlockingWriter(fd);
      expect(writer.write(new TextEncoder().encode("hello\n"))).toEqual({
        state: "written",
        written: 6,
      });
      writer.close();
      expect(readFileSync(path, "utf8")).toBe("hello\n");
    } finally {
      closeSync(fd);
      rmSync(directory, { recursive: true });
    }
  });

  it("that is closed, or full for ever, fails without an exception", () => {
    expect(nonBlockingWriter(9999).write(new Uint8Array(1)).state).toBe("failed");
    const fd = openSync("/dev/full", "w");
    try {
      expect(nonBlockingWriter(fd).write(new Uint8Array(1))).toEqual({
        state: "failed",
        reason: "ENOSPC",
      });
    } finally {
      closeSync(fd);
    }
  });

  it("of a pipe that nobody reads says that it is full instead of waiting", async () => {
    const descriptor = join(import.meta.dir, "../../lib/log/descriptor.ts");
    const script = `
      const { nonBlockingWriter } = await import(${JSON.stringify(descriptor)});
      const writer = nonBlockingWriter(1);
      let result = writer.write(new Uint8Array(4096));
      for (let count = 0; count < 10000 && result.state === "written"; count++) {
        result = writer.write(new Uint8Array(4096));
      }
      process.stderr.write(result.state);
      process.exit(0);
    `;
    // The shell's sleep holds the reading end of the pipe open and never reads.
    const child = Bun.spawn(["sh", "-c", '"$0" -e "$1" | sleep 60', process.execPath, script], {
      stderr: "pipe",
      detached: true,
    });
    const reader = child.stderr.getReader();
    const { value } = await reader.read();
    process.kill(-child.pid, "SIGKILL");
    await child.exited;
    expect(new TextDecoder().decode(value)).toBe("full");
  }, 20_000);
});
