import { isBuiltin } from "./builtin-functions.ts";
import { droppedRelations, isTemporary } from "./relation-objects.ts";
import { classifySetting } from "./setting.ts";
import {
  EMPTY,
  makeClass,
  type PreparedClass,
  type StatementClass,
  type StatisticsKind,
} from "./statement-class.ts";
import { type Survey, survey } from "./survey.ts";
import { classifyTransaction } from "./transaction.ts";
import {
  asList,
  asNode,
  asNumber,
  asText,
  constantText,
  type ParseTree,
  type TreeNode,
  unwrap,
} from "./tree.ts";
import { BY_TYPE } from "./utilities.ts";

export type {
  CursorClass,
  FunctionName,
  PreparedClass,
  RelationName,
  SettingClass,
  StatementClass,
  StatementKind,
  StatementRoute,
  StatisticsKind,
  TransactionClass,
} from "./statement-class.ts";

/** CURSOR_OPT_HOLD of PostgreSQL's parsenodes.h. */
const CURSOR_HOLD = 0x20;
/** ROW EXCLUSIVE of PostgreSQL's lockdefs.h; weaker locks can be had on a standby. */
const ROW_EXCLUSIVE_LOCK = 3;

/** Classifies a parsed text (parameters.md 4.2). */
export function classifyTree(tree: ParseTree): StatementClass {
  const [first, ...others] = tree.statements;
  if (first === undefined) return EMPTY;
  if (others.length === 0) return classifyStatement(first);
  return merge(tree.statements.map(classifyStatement));
}

/** Classifies one statement's tree. */
function classifyStatement(statement: TreeNode): StatementClass {
  const { type, fields } = unwrap(statement);
  const found = survey(statement);
  const { relations, functions, locking, writesInWith } = found;
  const own = classifyType(type, fields, found);
  const mayCreateTemp = own.mayCreateTemp === true || own.temporary === true ||
    functions.some((each) => !isBuiltin(each.schema, each.name));
  return makeClass({ relations, functions, locking, writesInWith, ...own, mayCreateTemp });
}

/** Whether the class depends on literals of the text, so that only the same text has it again. */
export function dependsOnLiterals(statement: StatementClass, tree: ParseTree): boolean {
  if (statement.functions.some((each) => each.name === "pg_terminate_backend")) return true;
  return tree.statements.some((each) => {
    const { type } = unwrap(each);
    return type === "VariableSetStmt" || type === "ExplainStmt";
  });
}

/** Several statements in one text: the primary alone (parameters.md 4.2 rule 1). */
function merge(classes: readonly StatementClass[]): StatementClass {
  return makeClass({
    kind: "multi",
    relations: Object.freeze(classes.flatMap((each) => each.relations)),
    functions: Object.freeze(classes.flatMap((each) => each.functions)),
    isRead: classes.every((each) => each.isRead),
    locking: classes.some((each) => each.locking),
    writesInWith: classes.some((each) => each.writesInWith),
    temporary: classes.some((each) => each.temporary),
    mayCreateTemp: classes.some((each) => each.mayCreateTemp),
    statementCount: classes.length,
    statisticsKind: classes[0]?.statisticsKind ?? "other",
  });
}

function classifyType(type: string, fields: TreeNode, found: Survey): Partial<StatementClass> {
  switch (type) {
    case "SelectStmt":
      return select(found);
    case "InsertStmt":
      return { kind: "insert", statisticsKind: "insert" };
    case "UpdateStmt":
      return { kind: "update", statisticsKind: "update" };
    case "DeleteStmt":
      return { kind: "delete", statisticsKind: "delete" };
    case "TransactionStmt":
      return classifyTransaction(fields);
    case "VariableSetStmt":
      return classifySetting(fields);
    case "CopyStmt":
      return copy(fields);
    case "ExplainStmt":
      return explain(fields);
    case "PrepareStmt":
      return prepare(fields);
    case "ExecuteStmt":
      return {
        kind: "execute",
        prepared: Object.freeze({ name: asText(fields["name"]) }),
        mayCreateTemp: true,
      };
    case "DeallocateStmt":
      return deallocate(fields);
    case "DeclareCursorStmt":
      return declare(fields);
    case "FetchStmt":
      return { kind: "fetch", ...cursor(fields), statisticsKind: "ddl" };
    case "ClosePortalStmt":
      return { kind: "close", ...cursor(fields), statisticsKind: "ddl" };
    case "LockStmt":
      return {
        kind: "lock",
        route: asNumber(fields["mode"]) < ROW_EXCLUSIVE_LOCK ? "both" : "primary",
      };
    default:
      return BY_TYPE.get(type) ?? ddl(type, fields);
  }
}

function select(found: Survey): Partial<StatementClass> {
  const isRead = !found.locking && !found.writesInWith && found.into === undefined;
  const pid = found.terminateBackendPid;
  return {
    kind: "select",
    route: isRead ? "either" : "primary",
    isRead,
    statisticsKind: "select",
    // INTO creates a table, and which kind depends on more than the text when it does not say so.
    ...(found.into === undefined ? {} : { temporary: isTemporary(found.into) }),
    ...(pid === undefined ? {} : { terminateBackendPid: pid }),
  };
}

function copy(fields: TreeNode): Partial<StatementClass> {
  const statisticsKind: StatisticsKind = "ddl";
  if (fields["is_from"] === true) return { kind: "copy-from", statisticsKind };
  const toClient = fields["filename"] === undefined && fields["is_program"] !== true;
  const reads = fields["query"] === undefined || classifyStatement(asNode(fields["query"])).isRead;
  const isRead = toClient && reads;
  return { kind: "copy-to", route: isRead ? "either" : "primary", isRead, statisticsKind };
}

/** EXPLAIN is sent to the primary by its type (parameters.md 4.2), though it seldom writes. */
function explain(fields: TreeNode): Partial<StatementClass> {
  const inner = classifyStatement(asNode(fields["query"]));
  const runs = asList(fields["options"]).some((option) => {
    const { defname, arg } = unwrap(option).fields;
    if (defname !== "analyze") return false;
    return !["false", "off", "0"].includes((constantText(arg) ?? "").toLowerCase());
  });
  return {
    kind: "explain",
    isRead: !runs || inner.isRead,
    mayCreateTemp: runs && inner.mayCreateTemp,
  };
}

function prepare(fields: TreeNode): Partial<StatementClass> {
  const inner = classifyStatement(asNode(fields["query"]));
  const prepared: PreparedClass = Object.freeze({ name: asText(fields["name"]), inner });
  const { route, isRead } = inner;
  return { kind: "prepare", route, isRead, prepared };
}

function deallocate(fields: TreeNode): Partial<StatementClass> {
  const all = fields["isall"] === true;
  const name = all ? null : asText(fields["name"]);
  return {
    kind: "deallocate",
    route: all ? "both" : "primary",
    prepared: Object.freeze({ name }),
  };
}

function declare(fields: TreeNode): Partial<StatementClass> {
  const hold = (asNumber(fields["options"]) & CURSOR_HOLD) !== 0;
  return {
    kind: "declare",
    cursor: Object.freeze({ name: asText(fields["portalname"]), hold }),
    statisticsKind: "ddl",
  };
}

/** The cursor of FETCH, MOVE and CLOSE; CLOSE ALL names none. */
function cursor(fields: TreeNode): Partial<StatementClass> {
  const name = fields["portalname"];
  if (typeof name !== "string") return {};
  return { cursor: Object.freeze({ name, hold: false }) };
}

/** Everything else: statements that change the catalog, or that a later PostgreSQL brings. */
function ddl(type: string, fields: TreeNode): Partial<StatementClass> {
  const kind = "ddl";
  const statisticsKind = "ddl";
  switch (type) {
    case "CreateStmt":
      return { kind, statisticsKind, temporary: isTemporary(fields["relation"]) };
    case "CreateTableAsStmt":
      return { kind, statisticsKind, temporary: isTemporary(asNode(fields["into"])["rel"]) };
    case "ViewStmt":
      return { kind, statisticsKind, temporary: isTemporary(fields["view"]) };
    case "CreateSeqStmt":
      return { kind, statisticsKind, temporary: isTemporary(fields["sequence"]) };
    case "DropStmt":
      return { kind, statisticsKind, ...dropped(fields) };
    default:
      return { kind, statisticsKind };
  }
}

function dropped(fields: TreeNode): Partial<StatementClass> {
  const relations = droppedRelations(fields);
  return relations.length === 0 ? {} : { relations: Object.freeze(relations) };
}
