/** Why a switchover came to nothing. In all cases clients go on with the primary there is. */
export type SwitchoverFailure =
  | "unknown-node"
  /** A server is not what it was taken for. */
  | "wrong-role"
  /** pgpool's user may not do what is needed. */
  | "no-right"
  /** Something else holds clients back. */
  | "busy"
  /** Transactions did not end in time. */
  | "not-drained"
  | "not-caught-up"
  | "not-promoted"
  /** A server could not be asked. */
  | "unreachable"
  | "stopped";

/** A switchover was called off. */
export class SwitchoverError extends Error {
  override readonly name = "SwitchoverError";

  constructor(
    readonly kind: SwitchoverFailure,
    message: string,
    readonly hint: string = "",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
