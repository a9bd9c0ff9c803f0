/** What a text asks for, by its first statement; "multi" when it has several. */
export type StatementKind =
  | "select"
  | "insert"
  | "update"
  | "delete"
  | "merge"
  | "copy-from"
  | "copy-to"
  | "ddl"
  | "begin"
  | "commit"
  | "rollback"
  | "savepoint"
  | "release"
  | "rollback-to"
  | "prepare-transaction"
  | "set"
  | "reset"
  | "show"
  | "discard"
  | "prepare"
  | "execute"
  | "deallocate"
  | "declare"
  | "fetch"
  | "close"
  | "lock"
  | "listen"
  | "notify"
  | "unlisten"
  | "vacuum"
  | "call"
  | "do"
  | "explain"
  | "other"
  | "empty"
  | "multi"
  | "unparsable";

/**
 * Which nodes may serve a statement by its type (reference parameters.md 4.2 rule 3): any that
 * reads, the primary alone, or every node that has to know.
 */
export type StatementRoute = "either" | "primary" | "both";

/** Column of SHOW POOL_BACKEND_STATS that counts a statement (reference sql-interface.md 6). */
export type StatisticsKind = "select" | "insert" | "update" | "delete" | "ddl" | "other";

/** A table, view or sequence as it was written, names folded as PostgreSQL folds them. */
export interface RelationName {
  readonly schema?: string;
  readonly name: string;
}

/** A function as it was written. SQL's own syntax (EXTRACT, AT TIME ZONE …) names pg_catalog. */
export interface FunctionName {
  readonly schema?: string;
  readonly name: string;
}

/** What a statement says of transactions. */
export interface TransactionClass {
  readonly readOnly?: boolean;
  /** Isolation level in lower case, e.g. "repeatable read". */
  readonly isolation?: string;
  /** AND CHAIN: the next transaction begins at once. */
  readonly chain?: boolean;
  readonly savepoint?: string;
  /** Only the primary gets the text; other nodes a BEGIN without options (4.2 rule 4). */
  readonly plainBegin: boolean;
}

/** What SET or RESET changes. */
export interface SettingClass {
  /**
   * Name of the parameter in lower case; "all" for RESET ALL, "transaction" for SET TRANSACTION.
   * SET SESSION CHARACTERISTICS names the defaults it sets, joined by commas.
   */
  readonly name: string;
  /** The change ends with the transaction: SET LOCAL, SET TRANSACTION. */
  readonly local: boolean;
  /** RESET, or SET … TO DEFAULT. */
  readonly isReset: boolean;
  /** Constants of the value, lists joined by ", "; left out for a default. */
  readonly value?: string;
}

/** A statement that PREPARE, EXECUTE or DEALLOCATE names; null for DEALLOCATE ALL. */
export interface PreparedClass {
  readonly name: string | null;
  readonly inner?: StatementClass;
}

/** A cursor that DECLARE, FETCH, MOVE or CLOSE names. */
export interface CursorClass {
  readonly name: string;
  readonly hold: boolean;
}

/** What a text means for routing. Objects are frozen and shared by all texts of one template. */
export interface StatementClass {
  readonly kind: StatementKind;
  readonly route: StatementRoute;
  /** Does not write, as far as the text tells; functions may still (parameters.md 4.3). */
  readonly isRead: boolean;
  /** Relations it names, without the names that WITH gives. */
  readonly relations: readonly RelationName[];
  /** Functions it calls, anywhere in the text. */
  readonly functions: readonly FunctionName[];
  /** FOR UPDATE, FOR SHARE and their kin. */
  readonly locking: boolean;
  /** WITH contains something else than a SELECT. */
  readonly writesInWith: boolean;
  /** Creates a temporary table, view or sequence. */
  readonly temporary: boolean;
  readonly transaction?: TransactionClass;
  readonly setting?: SettingClass;
  readonly prepared?: PreparedClass;
  readonly cursor?: CursorClass;
  /** First argument of pg_terminate_backend(), when it is an integer constant. */
  readonly terminateBackendPid?: number;
  /** Statements in the text; 0 for an empty one. */
  readonly statementCount: number;
  /** May have created a temporary table in this session, itself or by a function it calls. */
  readonly mayCreateTemp: boolean;
  readonly statisticsKind: StatisticsKind;
}

const NOTHING: readonly never[] = Object.freeze([]);

const BASE: StatementClass = {
  kind: "other",
  route: "primary",
  isRead: false,
  relations: NOTHING,
  functions: NOTHING,
  locking: false,
  writesInWith: false,
  temporary: false,
  statementCount: 1,
  mayCreateTemp: false,
  statisticsKind: "other",
};

/** A frozen class: what is given, and for the rest a statement only the primary may serve. */
export function makeClass(parts: Partial<StatementClass>): StatementClass {
  return Object.freeze({ ...BASE, ...parts });
}

/** A text without a statement: a read (parameters.md 4.2 rule 2). */
export const EMPTY = makeClass({ kind: "empty", route: "either", isRead: true, statementCount: 0 });

/** A text nothing is known of: the primary says what is wrong with it. */
export const UNPARSABLE = makeClass({ kind: "unparsable", mayCreateTemp: true });
