import { Ajv2020 } from "ajv/dist/2020.js";
import type { PcpCommandName } from "../../../cmd/pcp/requests.ts";
import { schemaOf } from "../../../cmd/pcp/schemas.ts";

const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** What is wrong with a value by the schema of a command's output; empty when nothing is. */
export function schemaErrors(name: PcpCommandName | "error", value: unknown): string[] {
  return errorsBySchema(schemaOf(name), value);
}

/** What is wrong with a value by a schema; empty when nothing is. */
export function errorsBySchema(
  schema: Readonly<Record<string, unknown>>,
  value: unknown,
): string[] {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  ajv.addFormat("date-time", UTC);
  const validate = ajv.compile(schema);
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
