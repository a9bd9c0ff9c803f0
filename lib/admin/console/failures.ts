import { PcpError } from "../../pcp/service.ts";
import type { ErrorFields } from "../../wire/build.ts";
import { SqlError } from "./errors.ts";

/**
 * What a client is told of a statement that has failed. Errors that end a PCP connection leave this
 * one usable: there is nothing about it that would be wrong.
 */
export function failureFields(error: unknown): ErrorFields {
  if (error instanceof SqlError) {
    return { severity: "ERROR", sqlstate: error.sqlstate, message: error.message, ...error.more };
  }
  if (error instanceof PcpError) {
    const { sqlState, message, detail, hint } = error;
    return {
      severity: "ERROR",
      sqlstate: sqlState,
      message,
      ...(detail === "" ? {} : { detail }),
      ...(hint === "" ? {} : { hint }),
    };
  }
  return {
    severity: "ERROR",
    sqlstate: "XX000",
    message: "internal error of pgpool",
    hint: "see pgpool log for details",
  };
}
