/** Why a password could not be read, made or written; the text holds no secret. */
export class PasswordCommandError extends Error {
  override readonly name = "PasswordCommandError";

  /**
   * @param code short word for programs, stable across versions.
   * @param hint what to do next, or empty.
   */
  constructor(
    readonly code: "input" | "no-terminal" | "no-key" | "limit" | "configuration" | "file",
    message: string,
    readonly hint: string = "",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
