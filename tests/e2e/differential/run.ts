import * as frontend from "../../support/frontend.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { ConnectionClosed, LoginRefused, RawClient } from "../../support/raw-client.ts";
import { type BackendMessage, describeMessage } from "../../support/transcript.ts";
import { DeadlineError } from "../../support/wait.ts";
import { describeFrontend } from "./describe-frontend.ts";
import { ReplyTracker } from "./reply-tracker.ts";
import { type Exchange, type Login, type Script, toExchange, type Until } from "./script.ts";

/** Where a script is run. */
export interface Target {
  readonly name: string;
  readonly port: number;
}

/** What a client sent at once, and what it got for it, a line a message. */
export interface Answered {
  readonly sent: string;
  readonly lines: readonly string[];
}

/** How long any single message may take; long enough for a machine with other work to do. */
const DEADLINE_MS = 8_000;

/** Does what the script says and gives what came back, up to the end of every connection. */
export async function run(script: Script, target: Target, database: string): Promise<Answered[]> {
  const sessions = new Sessions(script, target, database);
  try {
    for (const step of script.steps) {
      if (!await sessions.run(toExchange(step))) break;
    }
    return await sessions.end();
  } finally {
    sessions.close();
  }
}

class Sessions {
  readonly #answered: Answered[] = [];
  readonly #clients = new Map<string, RawClient>();

  constructor(readonly script: Script, readonly target: Target, readonly database: string) {}

  /** False when there is no use in going on. */
  async run(exchange: Exchange): Promise<boolean> {
    const client = this.#clients.get(exchange.session) ?? await this.#connect(exchange.session);
    if (client === null) return false;
    const lines: string[] = [];
    const ended = await collect(lines, async (take) => {
      client.send(...exchange.send);
      await readReplies(client, exchange, take);
    });
    this.#answered.push({
      sent: `${exchange.session}: ${exchange.send.map(describeFrontend).join(" | ")}`,
      lines,
    });
    return ended;
  }

  /** Says goodbye on every connection: whatever still comes is too much. */
  async end(): Promise<Answered[]> {
    for (const [name, client] of this.#clients) {
      const lines: string[] = [];
      await collect(lines, async (take) => {
        if (!client.closed) client.send(frontend.terminate);
        (await client.readToEnd(DEADLINE_MS)).forEach(take);
      });
      this.#answered.push({ sent: `${name}: Terminate`, lines });
    }
    return this.#answered;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  /** Null when the server refuses. */
  async #connect(session: string): Promise<RawClient | null> {
    const client = await RawClient.connect({ port: this.target.port });
    this.#clients.set(session, client);
    const lines: string[] = [];
    const accepted = await collect(lines, async () => {
      await client.login(loginOptions(this.script.login, this.database));
    });
    if (this.script.comparesLogin || !accepted) {
      const messages = client.received.map(describeMessage);
      this.#answered.push({ sent: `${session}: StartupMessage`, lines: [...messages, ...lines] });
    }
    return accepted ? client : null;
  }
}

/** Runs the action; what keeps it from its end becomes a line, and the result false. */
async function collect(
  lines: string[],
  action: (take: (message: BackendMessage) => void) => Promise<void>,
): Promise<boolean> {
  try {
    await action((message) => lines.push(describeMessage(message)));
    return true;
  } catch (error) {
    if (error instanceof DeadlineError) lines.push("(nothing more came)");
    else if (error instanceof ConnectionClosed) lines.push("(the connection was closed)");
    else if (error instanceof LoginRefused) lines.push("(the login was refused)");
    else throw error;
    return false;
  }
}

async function readReplies(
  client: RawClient,
  { send, until, copies }: Exchange,
  take: (message: BackendMessage) => void,
): Promise<void> {
  if ("end" in until) return (await client.readToEnd(DEADLINE_MS)).forEach(take);
  const waiting = [...copies];
  const isComplete = completion(until, send);
  for (let complete = isComplete(null); !complete;) {
    const message = await client.read(DEADLINE_MS);
    take(message);
    if (message.type === "G") client.send(...waiting.shift() ?? []);
    complete = isComplete(message.type);
  }
}

/** Tells, message type by message type (null before the first), when the replies are complete. */
function completion(
  until: Exclude<Until, { readonly end: true }>,
  sent: readonly Uint8Array[],
): (type: string | null) => boolean {
  if ("types" in until) return (type) => type !== null && until.types.includes(type);
  if ("ready" in until) {
    let missing = until.ready;
    return (type) => (type === "Z" ? --missing : missing) <= 0;
  }
  const tracker = new ReplyTracker(sent);
  return (type) => {
    if (type !== null) tracker.take(type);
    return tracker.complete;
  };
}

function loginOptions(login: Login, database: string) {
  return {
    user: login.user ?? SUPERUSER,
    database: login.database ?? database,
    ...(login.minor === undefined ? {} : { minor: login.minor }),
    parameters: login.parameters ?? {},
  };
}
