/** Online recovery was refused or has failed, in the words of pcp-protocol.md 5. */
export class RecoveryError extends Error {
  override readonly name = "RecoveryError";
  /** `fatal` is what Pgpool-II makes of a second recovery at the same time. */
  readonly severity: "error" | "fatal";
  readonly detail: string;
  readonly hint: string;

  constructor(message: string, options: {
    readonly severity?: "error" | "fatal";
    readonly detail?: string;
    readonly hint?: string;
    readonly cause?: unknown;
  } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.severity = options.severity ?? "error";
    this.detail = options.detail ?? "";
    this.hint = options.hint ?? "";
  }
}
