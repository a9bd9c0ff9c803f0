import type { FunctionName, RelationName } from "./statement-class.ts";
import { asList, asNode, asText, isNode, nameParts, type TreeNode, unwrap } from "./tree.ts";

/** What a walk over a statement's tree found. */
export interface Survey {
  readonly relations: readonly RelationName[];
  readonly functions: readonly FunctionName[];
  readonly locking: boolean;
  readonly writesInWith: boolean;
  /** SELECT … INTO: the table's node. */
  readonly into: TreeNode | undefined;
  /** First integer constant given to pg_terminate_backend(). */
  readonly terminateBackendPid: number | undefined;
}

/** Names given by WITH that hide relations of the same name; inner ones first. */
interface Scope {
  readonly name: string;
  readonly outer: Scope | undefined;
}

interface Visit {
  readonly key: string;
  readonly value: unknown;
  readonly scope: Scope | undefined;
}

/** Fields that hold no relation, function or lock: aliases, types, names of what is created. */
const SKIPPED: ReadonlySet<string> = new Set([
  "lockedRels",
  "typeName",
  "TypeName",
  "alias",
  "funcname",
]);

/**
 * Collects what a statement refers to. Works with its own stack: trees may be thousands of levels
 * deep.
 */
export function survey(statement: TreeNode): Survey {
  return new Walk().run(statement);
}

class Walk {
  readonly #relations = new Map<string, RelationName>();
  readonly #functions = new Map<string, FunctionName>();
  readonly #stack: Visit[] = [];
  #locking = false;
  #writesInWith = false;
  #into: TreeNode | undefined;
  #terminateBackendPid: number | undefined;

  run(statement: TreeNode): Survey {
    this.#stack.push({ key: "", value: statement, scope: undefined });
    for (let visit = this.#stack.pop(); visit !== undefined; visit = this.#stack.pop()) {
      const { key, value, scope } = visit;
      if (Array.isArray(value)) this.#pushList(key, value, scope);
      else if (isNode(value)) this.#node(key, value, scope);
    }
    return {
      relations: Object.freeze([...this.#relations.values()]),
      functions: Object.freeze([...this.#functions.values()]),
      locking: this.#locking,
      writesInWith: this.#writesInWith,
      into: this.#into,
      terminateBackendPid: this.#terminateBackendPid,
    };
  }

  #node(key: string, node: TreeNode, scope: Scope | undefined): void {
    if (typeof node["relname"] === "string" && typeof node["relpersistence"] === "string") {
      // Only a FROM item (a wrapped RangeVar) can mean a name given by WITH; a target cannot.
      this.#relation(node, key === "RangeVar" ? scope : undefined);
      return;
    }
    if (key === "FuncCall" || key === "funccall") this.#functionCall(node);
    else if (key === "CommonTableExpr") this.#withQuery(node);
    else if ("lockingClause" in node) this.#locking = true;
    if (isNode(node["intoClause"])) this.#into = asNode(node["intoClause"]["rel"]);
    const inner = isNode(node["withClause"]) ? this.#openWith(node["withClause"], scope) : scope;
    this.#pushFields(node, inner);
    if (isNode(node["withClause"])) this.#pushWith(node["withClause"], scope);
  }

  /** The scope of a statement with a WITH clause. */
  #openWith(clause: TreeNode, outer: Scope | undefined): Scope | undefined {
    let scope = outer;
    for (const cte of asList(clause["ctes"])) {
      scope = { name: asText(unwrap(cte).fields["ctename"]), outer: scope };
    }
    return scope;
  }

  /** Queries of a WITH clause see the names before their own, with RECURSIVE all of them. */
  #pushWith(clause: TreeNode, outer: Scope | undefined): void {
    const ctes = asList(clause["ctes"]);
    const all = clause["recursive"] === true ? this.#openWith(clause, outer) : undefined;
    const visits: Visit[] = [];
    let before = outer;
    for (const value of ctes) {
      visits.push({ key: "ctes", value, scope: all ?? before });
      before = { name: asText(unwrap(value).fields["ctename"]), outer: before };
    }
    for (const visit of visits.reverse()) this.#stack.push(visit);
  }

  #pushFields(node: TreeNode, scope: Scope | undefined): void {
    const from = this.#stack.length;
    for (const key in node) {
      const value = node[key];
      if (typeof value !== "object" || value === null) continue;
      if (SKIPPED.has(key) || key === "withClause") continue;
      this.#stack.push({ key, value, scope });
    }
    this.#reverse(from);
  }

  #pushList(key: string, list: readonly unknown[], scope: Scope | undefined): void {
    for (let index = list.length - 1; index >= 0; index--) {
      this.#stack.push({ key, value: list[index], scope });
    }
  }

  /** So that the stack yields fields in the order of the text. */
  #reverse(from: number): void {
    const { length } = this.#stack;
    if (length - from < 2) return;
    for (const visit of this.#stack.splice(from).reverse()) this.#stack.push(visit);
  }

  #relation(node: TreeNode, scope: Scope | undefined): void {
    const name = asText(node["relname"]);
    const schema = asText(node["schemaname"]);
    if (schema === "") {
      for (let each = scope; each !== undefined; each = each.outer) {
        if (each.name === name) return;
      }
    }
    remember(this.#relations, schema, name);
  }

  #functionCall(node: TreeNode): void {
    const parts = nameParts(node["funcname"]);
    const name = parts.at(-1) ?? "";
    remember(this.#functions, parts.at(-2) ?? "", name);
    if (name === "pg_terminate_backend" && this.#terminateBackendPid === undefined) {
      this.#terminateBackendPid = integerConstant(asList(node["args"])[0]);
    }
  }

  #withQuery(node: TreeNode): void {
    const { type } = unwrap(node["ctequery"]);
    if (type !== "SelectStmt") this.#writesInWith = true;
  }
}

function remember(names: Map<string, RelationName>, schema: string, name: string): void {
  const key = `${schema}\0${name}`;
  if (names.has(key)) return;
  names.set(key, Object.freeze(schema === "" ? { name } : { schema, name }));
}

function integerConstant(value: unknown): number | undefined {
  const { type, fields } = unwrap(value);
  if (type !== "A_Const" || !isNode(fields["ival"])) return undefined;
  const number = fields["ival"]["ival"];
  return typeof number === "number" ? number : 0;
}
