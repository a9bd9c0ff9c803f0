import type { ErrorFields } from "../../wire/build.ts";

/** A client is not let in; the fields are what it is told. */
export class LoginFailed extends Error {
  override readonly name = "LoginFailed";

  /** @param logDetail for the log only: it may tell whether a user exists. */
  constructor(readonly fields: ErrorFields, readonly logDetail?: string) {
    super(fields.message);
  }
}
