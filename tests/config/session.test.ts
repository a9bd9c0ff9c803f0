import { describe, expect, it } from "bun:test";
import { SessionOverlay } from "../../lib/config/session.ts";
import { InvalidValueError } from "../../lib/config/problems.ts";
import { showParameter } from "../../lib/config/show.ts";
import { load } from "./support.ts";

describe("PGPOOL SET", () => {
  it("changes a value for the session and shows it there", () => {
    const { config } = load("client_idle_limit = 5");
    const session = new SessionOverlay(config);
    session.set("client_idle_limit", "300");
    session.set("log_statement", "on");
    expect(session.config.values.client_idle_limit).toBe(300);
    expect(showParameter(session.config, "client_idle_limit").rows).toEqual([["5min"]]);
    expect(config.values.client_idle_limit).toBe(5);
    session.reset("client_idle_limit");
    expect(session.config.values.client_idle_limit).toBe(5);
    expect(session.config.values.log_statement).toBe(true);
    session.resetAll();
    expect(session.config).toBe(config);
  });

  it("outlives a reload of the configuration", () => {
    const session = new SessionOverlay(load("").config);
    session.set("log_statement", "on");
    session.rebase(load("log_hostname = on").config);
    expect(session.config.values).toMatchObject({ log_statement: true, log_hostname: true });
    session.set("log_statement", undefined);
    expect(session.config.values.log_statement).toBe(false);
  });

  it.each([
    [
      "num_init_children",
      'invalid Context, value for parameter "num_init_children" cannot be changed',
    ],
    ["backend_port0", 'invalid Context, value for parameter "backend_port0" cannot be changed'],
    ["backend_port", 'parameter "backend_port" expects the index value'],
    ["nosuch", 'unrecognized configuration parameter "nosuch"'],
    ["client_idle_limit", 'invalid value for parameter "client_idle_limit": "foo"'],
  ])("of %s to foo is refused with the text of Pgpool-II", (name, message) => {
    const session = new SessionOverlay(load("").config);
    expect(() => session.set(name, "foo")).toThrow(InvalidValueError);
    expect(() => session.set(name, "foo")).toThrow(message);
  });
});
