/** What the commands make of a pool that tells how far it is, hangs, or goes away. */
import { describe, expect, it } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeNotice } from "../../../lib/pcp/notices.ts";
import { MAX_REQUEST_LENGTH, PcpReader } from "../../../lib/pcp/messages.ts";
import { authenticatedReply, completeReply, saltReply } from "../../../lib/pcp/replies.ts";
import { tempDir } from "../../support/temp.ts";
import { type Outcome, runAs } from "../support.ts";

/** Answers that a pool gives to a request once everybody has been let in; "hang up" ends it. */
type Answer = readonly (Buffer | "hang up")[];

/** Runs a program against a pool that has one answer. */
async function against(
  answer: Answer,
  program: string,
  ...args: readonly string[]
): Promise<Outcome> {
  const dir = tempDir();
  using _pool = Bun.listen<PcpReader>({
    unix: join(dir, ".s.PGSQL.9898"),
    socket: {
      open(socket) {
        socket.data = new PcpReader(MAX_REQUEST_LENGTH);
      },
      data(socket, chunk) {
        socket.data.feed(chunk);
        for (let request = socket.data.next(); request; request = socket.data.next()) {
          for (const part of reply(request.type, answer)) {
            if (part === "hang up") socket.end();
            else socket.write(part);
          }
        }
      },
    },
  });
  const passwords = join(dir, "pcppass");
  writeFileSync(passwords, "*:*:*:secret\n", { mode: 0o600 });
  return await runAs(program, [...args, "-h", dir, "-U", "admin"], {
    env: { PCPPASSFILE: passwords },
  });
}

function reply(request: string, answer: Answer): Answer {
  switch (request) {
    case "M":
      return [saltReply(Buffer.alloc(4), [])];
    case "R":
      return [authenticatedReply()];
    case "X":
      return ["hang up"];
    default:
      return answer;
  }
}

function notice(message: string, detail = ""): Buffer {
  return encodeNotice("N", { severity: "LOG", sqlState: "00000", message, detail, hint: "" });
}

describe("a recovery", () => {
  const progress = [notice("starting recovering node 1"), notice("1st stage is done", "in 3 s")];

  it("tells on standard error how far it is", async () => {
    const answer = [...progress, completeReply("c")];
    const args = ["pcp", "recovery-node", "1", "--yes"];
    expect(await against(answer, "pgpool", ...args)).toEqual({
      status: 0,
      stdout: "node 1 is recovered\n",
      stderr: "LOG:  starting recovering node 1\nLOG:  1st stage is done: in 3 s\n",
    });
  });
});

describe("a pool that", () => {
  it("does not answer in time is given up", async () => {
    const args = ["pcp", "node-count", "--timeout", "0.2", "--json"];
    const { status, stdout } = await against([], "pgpool", ...args);
    expect(status).toBe(8);
    expect(JSON.parse(stdout).error.code).toBe("timeout");
  });

  it("goes away in the middle is told apart from one that is not there", async () => {
    const args = ["pcp", "node-count", "--json"];
    const { status, stdout } = await against(["hang up"], "pgpool", ...args);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).error.code).toBe("protocol");
    const watched = await against(["hang up"], "pgpool", ...args, "--watch", "1");
    expect(watched.stdout.trimEnd().split("\n")).toHaveLength(1);
    const classic = await against(["hang up"], "pcp_node_count");
    expect(classic).toMatchObject({ status: 1, stdout: "" });
    expect(classic.stderr).toStartWith("ERROR: unable to read data from socket.");
  });

  it("sends notices does not disturb the commands of Pgpool-II's names", async () => {
    const answer = [notice("something"), completeReply("c")];
    expect(await against(answer, "pcp_attach_node", "1")).toEqual({
      status: 0,
      stdout: "pcp_attach_node -- Command Successful\n",
      stderr: "",
    });
  });
});
