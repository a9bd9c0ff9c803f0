import type { SupervisorPort } from "./client/worker-context.ts";
import { ProcessError } from "./errors.ts";
import type { AdminSession, AdminTable, NodeComplaint, WorkerMessage } from "./messages.ts";

/** How long a worker waits for the supervisor's answer to a SHOW command, in milliseconds. */
const ADMIN_DEADLINE_MS = 30_000;

/** How long a server process is looked for among all workers, in milliseconds. */
const LOCATE_DEADLINE_MS = 5000;

/** What a worker tells and asks its supervisor, over the channel between them. */
export class SupervisorLink implements SupervisorPort {
  readonly #questions = new Map<number, PromiseWithResolvers<AdminTable>>();
  readonly #searches = new Map<number, (node: number) => void>();
  #next = 1;

  /** @param worker number of this worker. */
  constructor(readonly worker: number, readonly send: (message: WorkerMessage) => void) {}

  complain(node: number, complaint: NodeComplaint, detail: string, generation: number): void {
    this.send({ type: "complain", node, complaint, detail, generation });
  }

  nodeUsed(node: number): void {
    this.send({ type: "node-used", node });
  }

  passCancel(pid: number, key: string): void {
    this.send({ type: "cancel", pid, key });
  }

  gateQuiet(closing: number): void {
    this.send({ type: "gate-quiet", worker: this.worker, closing });
  }

  closeIdle(): void {
    this.send({ type: "close-idle" });
  }

  async askAdmin(view: string, session: AdminSession): Promise<AdminTable> {
    const request = this.#next++;
    const question = Promise.withResolvers<AdminTable>();
    const late = new ProcessError("pgpool did not answer in time");
    const timer = setTimeout(() => question.reject(late), ADMIN_DEADLINE_MS);
    this.#questions.set(request, question);
    try {
      this.send({ type: "admin", request, view, session });
      return await question.promise;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(request);
    }
  }

  locate(pid: number): Promise<number> {
    const request = this.#next++;
    return new Promise((resolve) => {
      const finish = (node: number) => {
        clearTimeout(timer);
        this.#searches.delete(request);
        resolve(node);
      };
      const timer = setTimeout(() => finish(-1), LOCATE_DEADLINE_MS);
      this.#searches.set(request, finish);
      this.send({ type: "locate", request, pid });
    });
  }

  /** The supervisor has found a server process, or not. */
  located(request: number, node: number): void {
    this.#searches.get(request)?.(node);
  }

  /** The supervisor's answer to a question. */
  answered(request: number, table: AdminTable): void {
    this.#questions.get(request)?.resolve(table);
  }

  /** The supervisor could not answer. */
  refused(request: number, message: string): void {
    this.#questions.get(request)?.reject(new ProcessError(message));
  }
}
