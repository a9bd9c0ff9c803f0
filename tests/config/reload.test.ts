import { describe, expect, it } from "bun:test";
import { applyReload } from "../../lib/config/reload.ts";
import { load, twoBackends } from "./support.ts";

const old = load(twoBackends + "backend_flag0 = 'ALWAYS_PRIMARY'\n").config;

describe("a reload", () => {
  it("takes what may change and names what needs a restart with both values", () => {
    const fresh = load(
      twoBackends + "backend_flag0 = 'ALWAYS_PRIMARY'\nport = 2000\nsr_check_period = 3\n" +
        "ssl_cert = 'new.crt'\nlisten_addresses = '*'\nsr_check_password = 'secret'\n",
    ).config;
    const { config, changed, needRestart } = applyReload(old, fresh);
    expect(config.values).toMatchObject({ port: 9999, sr_check_period: 3, ssl_cert: "new.crt" });
    expect(changed).toEqual([
      { name: "sr_check_password", old: "*****", new: "*****" },
      { name: "ssl_cert", old: "", new: "new.crt" },
      { name: "sr_check_period", old: "10s", new: "3s" },
    ]);
    expect(needRestart).toEqual([
      { name: "listen_addresses", old: "localhost", new: "*" },
      { name: "port", old: "9999", new: "2000" },
    ]);
    expect(config.sources.has("port")).toBe(false);
    expect(config.sources.get("ssl_cert")?.text).toBe("new.crt");
  });

  it("changes nothing when nothing is new", () => {
    const { config, changed, needRestart } = applyReload(old, old);
    expect({ changed, needRestart }).toEqual({ changed: [], needRestart: [] });
    expect(config.values).toEqual(old.values);
    expect(config.backends).toEqual(old.backends);
  });

  it("adds servers, but neither moves nor removes one that is in use", () => {
    const fresh = load(
      "backend_hostname0 = 'elsewhere'\nbackend_port0 = 5555\nbackend_weight0 = 7\n" +
        "backend_hostname2 = 'gamma'\nbackend_port2 = 5434\n",
    ).config;
    const { config, needRestart } = applyReload(old, fresh);
    expect(config.backends.map(({ id, hostname, port, weight }) => [id, hostname, port, weight]))
      .toEqual([[0, "alpha", 5432, 7], [1, "beta", 5433, 0], [2, "gamma", 5434, 0]]);
    expect(needRestart.map(({ name }) => name).sort()).toEqual([
      "backend_data_directory0",
      "backend_data_directory1",
      "backend_flag0",
      "backend_hostname0",
      "backend_hostname1",
      "backend_port0",
      "backend_port1",
    ]);
    expect(config.backends[0]?.alwaysPrimary).toBe(true);
  });

  it("moves the data directory of a server that is down", () => {
    const fresh = load(twoBackends.replace("/data1", "/new1") + "backend_flag0 = ALWAYS_PRIMARY");
    const kept = applyReload(old, fresh.config);
    const moved = applyReload(old, fresh.config, (id) => id === 1);
    expect(kept.config.backends[1]?.dataDirectory).toBe("/data1");
    expect(moved.config.backends[1]?.dataDirectory).toBe("/new1");
  });

  it("sets flags on top of those there are", () => {
    const fresh = load(twoBackends + "backend_flag0 = 'DISALLOW_TO_FAILOVER'\n").config;
    const { config } = applyReload(old, fresh);
    expect(config.backends[0]).toMatchObject({ allowToFailover: false, alwaysPrimary: true });
  });
});
