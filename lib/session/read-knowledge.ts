import { RelationCache } from "../catalog/cache.ts";
import { functionKey, type NameScope, type QualifiedName, relationKey } from "../catalog/names.ts";
import {
  CatalogAnswerError,
  type CatalogFacts,
  type CatalogNames,
  catalogQuestion,
  type FunctionFact,
  isShareable,
  readCatalogAnswer,
  type RelationFact,
} from "../catalog/questions.ts";
import type { FunctionName, RelationName, StatementClass } from "../sql/statement-class.ts";
import type { InternalQuery } from "./internal-query.ts";
import type { Verdict } from "./router.ts";
import type { SessionPatterns, SessionSettings } from "./settings.ts";

const ISOLATION = "SELECT pg_catalog.current_setting('default_transaction_isolation')";
/** Scopes whose verdicts are remembered; beyond it all are forgotten. */
const MOST_SCOPES = 1000;

/** What all sessions of a worker have learned from the catalog. */
export class SharedKnowledge {
  readonly relations: RelationCache<RelationFact>;
  readonly functions: RelationCache<FunctionFact>;
  readonly #verdicts = new Map<string, WeakMap<StatementClass, Verdict>>();
  readonly #serializable = new Map<string, boolean>();
  #since: number;
  #version = 0;

  /**
   * @param expireSeconds relcache_expire, 0 for ever.
   * @param clock milliseconds.
   */
  constructor(size: number, readonly expireSeconds: number, readonly clock: () => number) {
    const options = { size: Math.max(size, 1), expireSeconds, clock };
    this.relations = new RelationCache(options);
    this.functions = new RelationCache(options);
    this.#since = clock();
  }

  /** Changes when verdicts have become void, also by their age. */
  version(): number {
    if (this.expireSeconds > 0 && this.clock() - this.#since >= this.expireSeconds * 1000) {
      this.forgetVerdicts();
    }
    return this.#version;
  }

  /** Verdicts on statements in one scope of names. */
  verdicts(scope: string): WeakMap<StatementClass, Verdict> {
    let verdicts = this.#verdicts.get(scope);
    if (verdicts === undefined) {
      if (this.#verdicts.size >= MOST_SCOPES) this.#verdicts.clear();
      verdicts = new WeakMap();
      this.#verdicts.set(scope, verdicts);
    }
    return verdicts;
  }

  /** The catalog or the configuration has changed. */
  forget(): void {
    this.relations.clear();
    this.functions.clear();
    this.#serializable.clear();
    this.forgetVerdicts();
  }

  forgetVerdicts(): void {
    this.#verdicts.clear();
    this.#version++;
    this.#since = this.clock();
  }

  serializable(key: string): boolean | undefined {
    return this.#serializable.get(key);
  }

  learnSerializable(key: string, serializable: boolean): void {
    if (this.#serializable.size >= MOST_SCOPES) this.#serializable.clear();
    this.#serializable.set(key, serializable);
  }
}

/**
 * What one session knows of whether its statements may be read on a standby: answers of the
 * catalog shared with other sessions, and its own where it may have temporary tables
 * (reference parameters.md 4.2 rule 6 e to i).
 */
export class ReadKnowledge {
  #scope: NameScope;
  #verdicts: WeakMap<StatementClass, Verdict> | undefined;
  /** Version of the shared knowledge that the verdicts are from. */
  #version = -1;
  /** Names mean something else in this session than in others. */
  #isPrivate = false;
  #ownIsolation = false;
  #serializable: boolean | undefined;
  /** What the question under way asks for; other sessions may learn the same meanwhile. */
  #asked: CatalogNames = NO_NAMES;
  /** The statement whose question failed: it goes to the primary this once. */
  #unanswered: StatementClass | undefined;

  /** @param key what the session's connections are pooled under. */
  constructor(
    readonly shared: SharedKnowledge,
    readonly settings: () => SessionSettings,
    readonly patterns: () => SessionPatterns,
    readonly key: string,
    scope: NameScope,
  ) {
    this.#scope = scope;
  }

  /** Where a statement may be read; undefined when the catalog must be asked. */
  readonly verdict = (statement: StatementClass): Verdict | undefined => {
    if (statement === this.#unanswered) return "primary";
    if (statement.relations.length === 0 && statement.functions.length === 0) return "safe";
    return this.#memo().get(statement);
  };

  /** Whether transactions are serializable unless they say otherwise; undefined when unknown. */
  readonly defaultSerializable = (): boolean | undefined =>
    this.#ownIsolation ? this.#serializable : this.shared.serializable(this.key);

  /** The query that answers what is missing for a statement. */
  question(statement: StatementClass): string {
    this.#asked = this.#missing(statement);
    const catalog = catalogQuestion(this.#asked);
    return catalog === null ? ISOLATION : `${ISOLATION}; ${catalog}`;
  }

  /**
   * Takes the answer to {@link question}. A statement that could not be judged is not safe; it is
   * asked about again the next time.
   */
  answer(statement: StatementClass, result: InternalQuery): void {
    const [isolation, ...rows] = result.rows;
    if (result.error !== undefined || isolation === undefined) {
      this.#toPrimaryOnce(statement);
      return;
    }
    this.#learnIsolation(isolation[0] === "serializable");
    try {
      this.#judge(statement, readCatalogAnswer(this.#asked, rows));
    } catch (error) {
      if (!(error instanceof CatalogAnswerError)) throw error;
      this.#toPrimaryOnce(statement);
    }
  }

  /** The session may have made a temporary table that hides another one. */
  mayHaveTemporary(): void {
    this.#becomePrivate();
  }

  /** Names are looked up on another path. */
  searchPath(path: string): void {
    if (path === this.#scope.searchPath) return;
    this.#scope = { ...this.#scope, searchPath: path };
    this.#verdicts = undefined;
  }

  /** The session acts as somebody else, or changed something else that names depend on. */
  settingChanged(name: string): void {
    if (name === "default_transaction_isolation" || name === "all") {
      this.#ownIsolation = true;
      this.#serializable = undefined;
    }
    if (name === "role" || name === "session_authorization" || name === "search_path") {
      this.#becomePrivate();
    }
  }

  /** The session has changed the catalog. */
  catalogChanged(): void {
    this.shared.forget();
    this.#verdicts = undefined;
  }

  #becomePrivate(): void {
    this.#isPrivate = true;
    this.#verdicts = undefined;
  }

  #memo(): WeakMap<StatementClass, Verdict> {
    const version = this.shared.version();
    if (this.#verdicts !== undefined && (this.#isPrivate || this.#version === version)) {
      return this.#verdicts;
    }
    this.#version = version;
    const { database, user, searchPath } = this.#scope;
    this.#verdicts = this.#isPrivate
      ? new WeakMap()
      : this.shared.verdicts(`${database}\0${user}\0${searchPath}`);
    return this.#verdicts;
  }

  #learnIsolation(serializable: boolean): void {
    if (this.#ownIsolation) this.#serializable = serializable;
    else this.shared.learnSerializable(this.key, serializable);
  }

  /** Names that have to be asked for. Functions are judged by the lists where those are set. */
  #missing(statement: StatementClass): CatalogNames {
    const relations = statement.relations.map(qualified);
    const functions = this.#listed() ? [] : statement.functions.map(qualified);
    return {
      relations: relations.filter((each) => this.#relation(each) === undefined),
      functions: functions.filter((each) =>
        this.shared.functions.lookup(functionKey(this.#scope, each)) === undefined
      ),
    };
  }

  #relation(name: QualifiedName): RelationFact | undefined {
    return this.#isPrivate
      ? undefined
      : this.shared.relations.lookup(relationKey(this.#scope, name));
  }

  #listed(): boolean {
    const { readOnlyFunctions, writeFunctions } = this.patterns();
    return readOnlyFunctions.length > 0 || writeFunctions.length > 0;
  }

  #judge(statement: StatementClass, facts: CatalogFacts): void {
    const relations = this.#learnRelations(facts.relations);
    const functions = this.#learnFunctions(facts.functions);
    const read = statement.relations.map(qualified).map((name) =>
      relations.get(relationKey(this.#scope, name)) ?? this.#relation(name)
    );
    const safe = read.every((fact) => fact !== undefined && this.#relationSafe(fact));
    const writes = !statement.functions.every((name) => this.#functionSafe(name, functions));
    this.#memo().set(statement, writes ? "writes" : safe ? "safe" : "primary");
    // A relation that does not exist may be there the next time.
    if (!read.every((fact) => fact?.exists === true)) this.#forgetSoon(statement);
  }

  #learnRelations(facts: readonly RelationFact[]): Map<string, RelationFact> {
    const fresh = new Map<string, RelationFact>();
    this.#asked.relations.forEach((name, index) => {
      const key = relationKey(this.#scope, name);
      const fact = facts[index];
      fresh.set(key, fact);
      if (!this.#isPrivate && isShareable(fact)) this.shared.relations.store(key, fact);
    });
    return fresh;
  }

  #learnFunctions(facts: readonly FunctionFact[]): Map<string, FunctionFact> {
    const fresh = new Map<string, FunctionFact>();
    this.#asked.functions.forEach((name, index) => {
      const key = functionKey(this.#scope, name);
      fresh.set(key, facts[index]);
      this.shared.functions.store(key, facts[index]);
    });
    return fresh;
  }

  #toPrimaryOnce(statement: StatementClass): void {
    this.#unanswered = statement;
    queueMicrotask(() => this.#unanswered = undefined);
  }

  /** The verdict is needed once, for the statement that waits for it. */
  #forgetSoon(statement: StatementClass): void {
    const memo = this.#memo();
    queueMicrotask(() => memo.delete(statement));
  }

  #relationSafe(fact: RelationFact): boolean {
    const { check_temp_table, check_unlogged_table } = this.settings();
    if (!fact.exists || fact.isSystemCatalog || fact.viewReachesSystemCatalog) return false;
    // The value of a sequence is logged ahead: a standby shows a later one.
    if (fact.relkind === "S") return false;
    if (fact.relpersistence === "t") {
      return check_temp_table === "none" || check_temp_table === "off";
    }
    return fact.relpersistence !== "u" || !check_unlogged_table;
  }

  #functionSafe(name: FunctionName, fresh: ReadonlyMap<string, FunctionFact>): boolean {
    if (ABOUT_PRIMARY.has(name.name)) return false;
    const { readOnlyFunctions, writeFunctions } = this.patterns();
    if (readOnlyFunctions.length > 0) return matches(readOnlyFunctions, name);
    if (writeFunctions.length > 0) return !matches(writeFunctions, name);
    const key = functionKey(this.#scope, qualified(name));
    const fact = fresh.get(key) ?? this.shared.functions.lookup(key);
    return fact !== undefined && !fact.isVolatile;
  }
}

const NO_NAMES: CatalogNames = { relations: [], functions: [] };

/** Functions that do not write, but tell of what only the session on the primary knows. */
const ABOUT_PRIMARY: ReadonlySet<string> = new Set([
  "pg_listening_channels",
  "pg_my_temp_schema",
  "pg_is_other_temp_schema",
  "pg_current_xact_id_if_assigned",
  "txid_current_if_assigned",
]);

function qualified(name: RelationName | FunctionName): QualifiedName {
  return { schema: name.schema ?? "", name: name.name };
}

/** Patterns may name a function with its schema or without (parameters.md 1). */
function matches(patterns: readonly RegExp[], name: FunctionName): boolean {
  const full = name.schema === undefined ? name.name : `${name.schema}.${name.name}`;
  return patterns.some((pattern) => pattern.test(full) || pattern.test(name.name));
}
