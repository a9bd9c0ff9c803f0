import { RequestError, type RequestRefusal } from "./requests.ts";

interface Holder {
  readonly node: number;
  readonly resolve: () => void;
  readonly reject: (error: RequestError) => void;
}

/** Those who wait for the end of their requests. */
export class Tickets {
  readonly #holders = new Map<number, Holder>();
  #last = 0;

  /** @param node that the request is about, for the error */
  issue(node: number): { readonly ticket: number; readonly done: Promise<void> } {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    const ticket = ++this.#last;
    this.#holders.set(ticket, { node, resolve, reject });
    return { ticket, done };
  }

  /** @param refusal null when what was asked for is done */
  answer(ticket: number, refusal: RequestRefusal | null): void {
    const holder = this.#holders.get(ticket);
    this.#holders.delete(ticket);
    if (refusal === null) holder?.resolve();
    else holder?.reject(new RequestError(holder.node, refusal));
  }

  refuseAll(refusal: RequestRefusal): void {
    for (const ticket of [...this.#holders.keys()]) this.answer(ticket, refusal);
  }
}
