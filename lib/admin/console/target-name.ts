import { asText, nameParts, unwrap } from "../../sql/tree.ts";

/** What PostgreSQL calls a column without an alias. */
export function nameOf(node: unknown): string {
  const { type, fields } = unwrap(node);
  switch (type) {
    case "ColumnRef":
      return nameParts(fields["fields"]).at(-1) ?? "";
    case "FuncCall":
      return nameParts(fields["funcname"]).at(-1) ?? "";
    case "SQLValueFunction":
      return asText(fields["op"]).replace("SVFOP_", "").toLowerCase();
    case "TypeCast": {
      const inner = nameOf(fields["arg"]);
      const typeName = nameParts(unwrap({ TypeName: fields["typeName"] }).fields["names"]);
      return inner === "?column?" ? typeName.at(-1) ?? inner : inner;
    }
    default:
      return "?column?";
  }
}
