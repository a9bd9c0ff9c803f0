import type { ClusterSnapshot } from "../../cluster/types.ts";
import type { MessageStream } from "../../pool/message-stream.ts";
import type { ErrorFields } from "../../wire/build.ts";
import { whyLoginsWait } from "../new-clients.ts";
import { WaitingRoom } from "../waiting-room.ts";
import { LoginFailed } from "./login-failed.ts";
import type { WorkerGate } from "./worker-gate.ts";

/** How often a client that waits looks again, even when nobody tells of a change. */
const LOOK_AGAIN_MS = 1000;

/** What new clients wait by. */
export interface LobbyOptions {
  readonly gate: WorkerGate;
  readonly snapshot: () => ClusterSnapshot;
  /** Seconds (failover_wait_timeout), 0 for not at all. */
  readonly limit: () => number;
}

/**
 * Where new clients wait, before they are connected to a server, for the end of a failover that
 * leaves no primary, and while the gate holds new clients.
 */
export class Lobby {
  readonly #options: LobbyOptions;
  readonly #room = new WaitingRoom();

  constructor(options: LobbyOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#room.size;
  }

  /** The time that one client may spend here, beginning now. */
  visit(messages: MessageStream): LobbyVisit {
    return new LobbyVisit(this, messages, Date.now() + this.#options.limit() * 1000);
  }

  /** The cluster or the gate has changed. */
  changed(): void {
    this.#room.all();
  }

  /** Sends everybody away, because the worker stops. */
  close(): void {
    this.#room.close();
  }

  /** What new clients have to wait for, undefined when nothing. */
  get reason(): string | undefined {
    const { gate, snapshot } = this.#options;
    return whyLoginsWait(gate.state, snapshot());
  }

  /** Waits for a change or a moment. @throws {WaitEnded} */
  async pause(signal: AbortSignal, milliseconds: number): Promise<void> {
    const over = new PauseOver();
    try {
      await this.#room.wait({
        signal,
        milliseconds: Math.min(milliseconds, LOOK_AGAIN_MS),
        late: () => over,
      });
    } catch (error) {
      if (error !== over) throw error;
    }
  }
}

class PauseOver extends Error {
  override readonly name = "PauseOver";
}

/** One client in the lobby; it may come back while its time is not over. */
export class LobbyVisit {
  readonly #since = Date.now();

  constructor(
    readonly lobby: Lobby,
    readonly messages: MessageStream,
    /** Unix time in milliseconds. */
    readonly until: number,
  ) {}

  /**
   * Waits until the client may be connected. That does not count as time of its login.
   *
   * @throws {LoginFailed} 57P03 when that takes too long.
   * @throws {WaitEnded}
   */
  async enter(): Promise<void> {
    for (let { reason } = this.lobby; reason !== undefined; { reason } = this.lobby) {
      if (!await this.pause()) throw new LoginFailed(this.#tooLong(reason));
    }
  }

  /** Waits for a change or a moment; false when the client's time is over. @throws {WaitEnded} */
  async pause(): Promise<boolean> {
    const left = this.until - Date.now();
    if (left <= 0) return false;
    this.messages.stopClock();
    await this.lobby.pause(this.messages.gone, left);
    this.messages.startClock();
    return true;
  }

  #tooLong(reason: string): ErrorFields {
    const seconds = Math.round((Date.now() - this.#since) / 1000);
    return {
      severity: "FATAL",
      sqlstate: "57P03",
      message: "pgpool is not accepting any new connections",
      detail: `${reason}; the client has waited for ${seconds} seconds (failover_wait_timeout)`,
      hint: "Try again later.",
    };
  }
}
