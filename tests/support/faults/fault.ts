/** What goes wrong between pgpool and a server. */
export type Fault =
  | { readonly kind: "none" }
  /** Nobody listens: connecting is refused, connections that are there are reset. */
  | { readonly kind: "refuse" }
  /** The host drops packets: connecting gets no answer, connections that are there freeze. */
  | { readonly kind: "drop" }
  /** The host answers, the server does not: connecting works, then nothing comes. */
  | { readonly kind: "silence" }
  /** Everything arrives later, in both directions. */
  | { readonly kind: "delay"; readonly ms: number }
  /** The server's side of every connection is closed; what the client still sends gets lost. */
  | { readonly kind: "half-close" }
  /** What the server answers is replaced by random bytes. */
  | { readonly kind: "garbage" }
  /** Connections are cut after the server has answered so many bytes more. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The server's answers arrive slowly. */
  | { readonly kind: "throttle"; readonly bytesPerSecond: number };

export const NO_FAULT: Fault = { kind: "none" };
