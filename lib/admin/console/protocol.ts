import type { Message } from "../../pool/message-stream.ts";
import { ConnectionOver } from "../../pcp/server-wire.ts";
import * as build from "../../wire/build.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { Backend, Frontend, TransactionStatus } from "../../wire/protocol.ts";
import type { Environment } from "./environment.ts";
import { SqlError } from "./errors.ts";
import { failureFields } from "./failures.ts";
import { readBind, readExecute, readParse, readQuery, readTarget } from "./messages.ts";
import { ParameterTypes } from "./parameters.ts";
import type { Outcome, Plan } from "./plan.ts";
import { Names, type Portal, type Prepared } from "./portals.ts";
import { describeRows, encodeRows } from "./rows.ts";
import { readStatements } from "./statements.ts";
import type { Value } from "./values.ts";

/** Where answers go, and who is told what happens. */
export interface Output {
  /** Done when there is room for more. @throws {ConnectionOver} */
  readonly send: (bytes: Uint8Array) => Promise<void>;
  /** A text is about to be run, for the first time since its parameters were bound. */
  readonly onStatement: (text: string, isActing: boolean, values: readonly Value[]) => void;
  /** A statement has failed; anything but a SqlError or PcpError is a fault of pgpool's own. */
  readonly onFailure: (error: unknown) => void;
}

const PARSE_COMPLETE = build.message(Backend.ParseComplete);
const BIND_COMPLETE = build.message(Backend.BindComplete);
const CLOSE_COMPLETE = build.message(Backend.CloseComplete);
const NO_DATA = build.message(Backend.NoData);
const EMPTY_QUERY = build.message(Backend.EmptyQueryResponse);
const PORTAL_SUSPENDED = build.message(Backend.PortalSuspended);

/**
 * The simple and the extended query protocol after the login, without I/O (PostgreSQL
 * documentation, "Message Flow"). Messages are given one after the other.
 */
export class ConsoleProtocol {
  readonly #environment: Environment;
  readonly #output: Output;
  readonly #names = new Names();
  #status: number = TransactionStatus.Idle;
  /** After an error in the extended protocol everything is skipped up to Sync. */
  #skipping = false;

  constructor(environment: Environment, output: Output) {
    this.#environment = environment;
    this.#output = output;
  }

  /**
   * Answers one message; false when the client takes its leave.
   *
   * @throws {ConnectionOver | ProtocolError} the connection can not be used any more.
   */
  async receive({ type, body }: Message): Promise<boolean> {
    if (type === Frontend.Terminate) return false;
    if (type === Frontend.Sync) {
      this.#skipping = false;
      await this.#ready();
    } else if (!this.#skipping) {
      await this.#guarded(type, body);
    }
    return true;
  }

  /** An error in a simple query is over with it; one in the extended protocol at the next Sync. */
  async #guarded(type: number, body: Uint8Array): Promise<void> {
    const isSimple = type === Frontend.Query || type === Frontend.FunctionCall;
    try {
      await this.#answer(type, body);
    } catch (error) {
      if (error instanceof ConnectionOver || error instanceof ProtocolError) throw error;
      this.#output.onFailure(error);
      if (this.#status === TransactionStatus.InTransaction) this.#status = TransactionStatus.Failed;
      this.#skipping = !isSimple;
      await this.#output.send(build.errorResponse(failureFields(error)));
    }
    if (isSimple) await this.#ready();
  }

  async #answer(type: number, body: Uint8Array): Promise<void> {
    switch (type) {
      case Frontend.Query:
        return await this.#query(readQuery(body));
      case Frontend.Parse:
        return await this.#parse(body);
      case Frontend.Bind:
        return await this.#bind(body);
      case Frontend.Describe:
        return await this.#describe(body);
      case Frontend.Execute:
        return await this.#execute(body);
      case Frontend.Close:
        return await this.#close(body);
      case Frontend.FunctionCall:
        throw new SqlError("0A000", "the function call protocol is not supported");
      case Frontend.Flush:
      // What is left of a COPY that has been refused.
      case Frontend.CopyData:
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        return;
      default:
        throw new ProtocolError(`invalid frontend message type ${type}`);
    }
  }

  /** All statements are read before the first is run, so that a mistake in one stops them all. */
  async #query(text: string): Promise<void> {
    this.#names.forget("");
    const parameters = new ParameterTypes([]);
    const plans = readStatements(text, this.#environment, parameters);
    if (parameters.count > 0) throw new SqlError("42P02", "there is no parameter $1");
    if (plans.length === 0) await this.#output.send(EMPTY_QUERY);
    else this.#output.onStatement(text, plans.some(({ isActing }) => isActing), []);
    for (const plan of plans) {
      const outcome = await this.#run(plan, []);
      if (plan.columns !== undefined) {
        await this.#output.send(describeRows(plan.columns, []));
        await this.#sendRows(plan, outcome, []);
      }
      await this.#output.send(build.commandComplete(outcome.tag));
    }
  }

  async #parse(body: Uint8Array): Promise<void> {
    const { statement, text, types } = readParse(body);
    const parameters = new ParameterTypes(types);
    const plans = readStatements(text, this.#environment, parameters);
    if (plans.length > 1) {
      const message = "cannot insert multiple commands into a prepared statement";
      throw new SqlError("42601", message);
    }
    parameters.check();
    this.#names.prepare(statement, { text, plan: plans[0], parameters });
    await this.#output.send(PARSE_COMPLETE);
  }

  async #bind(body: Uint8Array): Promise<void> {
    const message = readBind(body);
    const prepared = this.#names.statement(message.statement);
    const { zone } = this.#environment.settings;
    const values = prepared.parameters.decode(message.values, message.formats, zone);
    checkResultFormats(message.resultFormats, prepared);
    this.#names.open(message.portal, {
      prepared,
      values,
      formats: message.resultFormats,
      outcome: undefined,
      fetched: 0,
    });
    await this.#output.send(BIND_COMPLETE);
  }

  async #describe(body: Uint8Array): Promise<void> {
    const { isStatement, name } = readTarget(body);
    if (!isStatement) {
      const { prepared, formats } = this.#names.portal(name);
      return await this.#describeRows(prepared, formats);
    }
    const prepared = this.#names.statement(name);
    await this.#output.send(build.parameterDescription(prepared.parameters.oids));
    await this.#describeRows(prepared, []);
  }

  async #describeRows({ plan }: Prepared, formats: readonly number[]): Promise<void> {
    const columns = plan?.columns;
    await this.#output.send(columns === undefined ? NO_DATA : describeRows(columns, formats));
  }

  async #execute(body: Uint8Array): Promise<void> {
    const { portal: name, limit } = readExecute(body);
    const portal = this.#names.portal(name);
    const { plan, text } = portal.prepared;
    if (plan === undefined) return await this.#output.send(EMPTY_QUERY);
    if (portal.outcome === undefined) {
      this.#output.onStatement(text, plan.isActing, portal.values);
      portal.outcome = await this.#run(plan, portal.values);
    }
    if (plan.columns === undefined) {
      return await this.#output.send(build.commandComplete(portal.outcome.tag));
    }
    await this.#fetch(portal, portal.outcome, plan, limit);
  }

  /** Sends the next rows of a portal; without a limit all that are left. */
  async #fetch(portal: Portal, outcome: Outcome, plan: Plan, limit: number): Promise<void> {
    const end = limit > 0 ? portal.fetched + limit : outcome.rows.length;
    const rows = outcome.rows.slice(portal.fetched, end);
    portal.fetched += rows.length;
    await this.#sendRows(plan, { ...outcome, rows }, portal.formats);
    const isOver = limit <= 0 || rows.length < limit;
    const tag = outcome.tag.replace(/\d+$/, String(rows.length));
    await this.#output.send(isOver ? build.commandComplete(tag) : PORTAL_SUSPENDED);
  }

  async #close(body: Uint8Array): Promise<void> {
    const { isStatement, name } = readTarget(body);
    if (isStatement) this.#names.forget(name);
    else this.#names.close(name);
    await this.#output.send(CLOSE_COMPLETE);
  }

  async #run(plan: Plan, values: readonly Value[]): Promise<Outcome> {
    if (this.#status === TransactionStatus.Failed && !plan.endsTransaction) {
      const message = "current transaction is aborted, " +
        "commands ignored until end of transaction block";
      throw new SqlError("25P02", message);
    }
    const outcome = this.#transact(await plan.run(values));
    for (const [name, value] of outcome.changed ?? []) {
      await this.#output.send(build.parameterStatus(name, value));
    }
    if (outcome.forget === "all-statements") this.#names.forgetAll();
    else if (outcome.forget !== undefined) {
      this.#names.statement(outcome.forget.statement);
      this.#names.forget(outcome.forget.statement);
    }
    return outcome;
  }

  /** The end of a failed transaction is always a rollback. */
  #transact(outcome: Outcome): Outcome {
    if (outcome.transaction === undefined) return outcome;
    const hasFailed = this.#status === TransactionStatus.Failed;
    const begins = outcome.transaction === "begin";
    this.#status = begins ? TransactionStatus.InTransaction : TransactionStatus.Idle;
    return hasFailed ? { ...outcome, tag: "ROLLBACK" } : outcome;
  }

  async #sendRows(plan: Plan, { rows }: Outcome, formats: readonly number[]): Promise<void> {
    const { zone } = this.#environment.settings;
    for (const piece of encodeRows(rows, plan.columns ?? [], formats, zone)) {
      await this.#output.send(piece);
    }
  }

  /** Portals end with their transaction. */
  async #ready(): Promise<void> {
    if (this.#status === TransactionStatus.Idle) this.#names.closeAll();
    await this.#output.send(build.readyForQuery(this.#status));
  }
}

function checkResultFormats(formats: readonly number[], { plan }: Prepared): void {
  const count = plan?.columns?.length ?? 0;
  if (formats.length <= 1 || formats.length === count) return;
  const message =
    `bind message has ${formats.length} result formats but query has ${count} columns`;
  throw new SqlError("08P01", message);
}
