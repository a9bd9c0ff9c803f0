import { describe, expect, it } from "bun:test";
import { appendFileSync, existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../../lib/process/pid-file.ts";
import { onCleanUp } from "../support/clean-up.ts";
import { formatSettings } from "../support/config-file.ts";
import { ROOT } from "../support/programs.ts";
import { freePort, isListening } from "../support/ports.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";
import { runPgpool, TestPgpool } from "./support.ts";

describe("the command line", () => {
  it("tells the version", async () => {
    const line = "pgpool-II version 4.7.2 (tasukiboshi)\n";
    expect(await runPgpool(["--version"])).toEqual({ status: 0, stdout: "", stderr: line });
    expect(await runPgpool(["-v"])).toEqual({ status: 0, stdout: "", stderr: line });
    expect(await runPgpool(["version"])).toEqual({ status: 0, stdout: line, stderr: "" });
  });

  it("helps", async () => {
    const { status, stdout } = await runPgpool(["--help"]);
    expect(status).toBe(0);
    for (const word of ["serve", "stop", "reload", "--discard-status", "smart"]) {
      expect(stdout).toContain(word);
    }
  });

  it("ends quietly when nobody reads on", async () => {
    const script = '"$@" --help | true; echo "${PIPESTATUS[0]}"';
    const pgpool = [process.execPath, join(ROOT, "cmd/pgpool.ts")];
    const shell = Bun.spawn(["bash", "-c", script, "bash", ...pgpool], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(await new Response(shell.stdout).text()).toMatch(/^(0|141)\n$/);
    expect(await new Response(shell.stderr).text()).toBe("");
  });

  it("suggests what may have been meant", async () => {
    const command = await runPgpool(["realod"]);
    expect(command.status).toBe(1);
    expect(command.stderr).toContain('unknown command "realod" (did you mean "reload"?)');
    const option = await runPgpool(["serve", "--discard-state"]);
    expect(option.status).toBe(1);
    expect(option.stderr).toContain("--discard-status");
    expect((await runPgpool(["-m", "gently", "stop"])).status).toBe(1);
  });

  it("stops with `pgpool -f FILE -m MODE stop`, in Pgpool-II's words", async () => {
    await using pgpool = await TestPgpool.start();
    const { status, stderr } = await runPgpool(["-f", pgpool.configFile, "-m", "f", "stop"]);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      new RegExp(
        `main pid \\d+: LOG: {2}stop request sent to pgpool \\(pid: ${pgpool.pid}\\)\\. ` +
          "waiting for termination\\.\\.\\.\n\\.*done\\.\n$",
      ),
    );
    expect(existsSync(pgpool.pidFile)).toBe(false);
    expect(await pgpool.exit()).toBe(0);
  });

  it("reloads with `pgpool -f FILE reload` and with `pgpool reload -f FILE`", async () => {
    await using pgpool = await TestPgpool.start();
    expect((await runPgpool(["-f", pgpool.configFile, "reload"])).status).toBe(0);
    await pgpool.waitForLog(/reload config files\./);
    expect((await runPgpool(["reload", "-f", pgpool.configFile])).status).toBe(0);
    await waitFor(() => pgpool.log().match(/reload config files\./g)?.length === 2, {
      what: "the second reload",
    });
  });

  it("stops pgpool although its configuration has been broken meanwhile", async () => {
    await using pgpool = await TestPgpool.start();
    appendFileSync(pgpool.configFile, "port = = 1\n");
    const reload = await runPgpool(["-f", pgpool.configFile, "reload"]);
    expect(reload.status).toBe(3);
    expect(reload.stderr).toContain("FATAL:  syntax error in configuration file");
    const stop = await runPgpool(["-f", pgpool.configFile, "-m", "fast", "stop"]);
    expect(stop.stderr).toContain("ERROR:  syntax error in configuration file");
    expect(stop.status).toBe(0);
    expect(await pgpool.exit()).toBe(0);
  });

  it("never signals a process that has got pgpool's number since", async () => {
    const dir = tempDir();
    const file = join(dir, "pgpool.conf");
    writeFileSync(file, formatSettings({ pid_file_name: "pgpool.pid" }));
    const stranger = Bun.spawn(["sleep", "600"]);
    onCleanUp(() => stranger.kill("SIGKILL"));
    const pidFile = join(dir, "pgpool.pid");
    writeFileSync(pidFile, `${stranger.pid}\0`);
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(pidFile, longAgo, longAgo);
    const stop = await runPgpool(["-f", file, "-m", "fast", "stop"]);
    expect(stop.stderr).toContain(`FATAL:  could not stop process with pid: ${stranger.pid}`);
    const reload = await runPgpool(["-f", file, "reload"]);
    expect(reload.stderr).toContain("FATAL:  could not reload configuration file");
    expect([stop.status, reload.status]).toEqual([1, 1]);
    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
  });

  it("says when there is nothing to stop or reload", async () => {
    const file = join(tempDir(), "pgpool.conf");
    writeFileSync(file, formatSettings({ pid_file_name: "pgpool.pid" }));
    const reload = await runPgpool(["-f", file, "reload"]);
    expect(reload.status).toBe(1);
    expect(reload.stderr).toContain("FATAL:  could not read pid file");
    // Pgpool-II takes the options of a start here, too.
    for (const args of [["-f", file, "stop"], ["stop", "-nDd", "-f", file]]) {
      const stop = await runPgpool(args);
      expect(stop.status).toBe(3);
      expect(stop.stderr).toContain("FATAL:  could not read pid file");
    }
  });

  it("refuses a second start, and gets over a pid file that is stale", async () => {
    await using pgpool = await TestPgpool.start();
    const second = await runPgpool(["-n", "-D", "-f", pgpool.configFile]);
    expect(second).toEqual({
      status: 1,
      stdout: "",
      stderr: `ERROR: pid file found. is another pgpool(${pgpool.pid}) is running?\n`,
    });
    pgpool.child.kill("SIGKILL");
    await pgpool.exit();
    await waitFor(() => !isAlive(pgpool.pid), { what: "its end" });
    expect(existsSync(pgpool.pidFile)).toBe(true);
    const log = join(pgpool.dir, "log-of-the-third");
    const third = Bun.spawn([process.execPath, "cmd/pgpool.ts", "-n", "-f", pgpool.configFile], {
      stdio: ["ignore", "ignore", Bun.file(log)],
    });
    onCleanUp(() => third.kill("SIGKILL"));
    await waitFor(() => readFileSync(log, "utf8").includes("successfully started"), {
      what: "the third start",
    });
    expect(readFileSync(log, "utf8")).toContain("NOTICE: pid file found but it seems bogus");
    third.kill("SIGINT");
    expect(await third.exited).toBe(0);
  });

  it("says what keeps it from starting in the background", async () => {
    await using other = await TestPgpool.start();
    const dir = tempDir();
    const file = join(dir, "pgpool.conf");
    const settings = {
      ...other.settings,
      pid_file_name: join(dir, "pgpool.pid"),
      unix_socket_directories: dir,
      pcp_socket_dir: dir,
    };
    writeFileSync(file, formatSettings(settings));
    const taken = await runPgpool(["-f", file]);
    expect(taken).toMatchObject({ status: 3, stdout: "" });
    expect(taken.stderr).toMatch(/FATAL: .*address/i);
    expect(existsSync(settings.pid_file_name)).toBe(false);

    writeFileSync(file, formatSettings({ ...settings, pid_file_name: join(dir, "no/pgpool.pid") }));
    const nowhere = await runPgpool(["-f", file]);
    expect(nowhere).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/FATAL: .*pid file/),
    });
  });

  it("goes to the background without -n; relative names go on from pgpool.conf", async () => {
    const dir = tempDir();
    const port = await freePort();
    const file = join(dir, "pgpool.conf");
    const pidFile = join(dir, "pgpool.pid");
    const settings = {
      backend_clustering_mode: "raw",
      listen_addresses: "127.0.0.1",
      port,
      unix_socket_directories: ".",
      pcp_port: await freePort(),
      pcp_socket_dir: ".",
      pid_file_name: "pgpool.pid",
      work_dir: ".",
      logging_collector: true,
      log_directory: "logs",
      log_filename: "pgpool.log",
      backend_hostname0: "127.0.0.1",
      backend_port0: await freePort(),
    };
    writeFileSync(file, formatSettings(settings));
    onCleanUp(() => {
      if (existsSync(pidFile)) process.kill(parseInt(readFileSync(pidFile, "latin1")), "SIGKILL");
    });
    const started = await runPgpool(["-f", file]);
    expect(started).toEqual({ status: 0, stdout: "", stderr: "" });
    await waitFor(() => isListening(port), { what: "pgpool in the background" });
    const pid = parseInt(readFileSync(pidFile, "latin1"));
    expect(isAlive(pid)).toBe(true);
    for (const socket of [port, settings.pcp_port]) {
      const path = join(dir, `.s.PGSQL.${socket}`);
      await waitFor(() => existsSync(path), { what: path });
    }
    await waitFor(() => readFileSync(join(dir, "logs/pgpool.log"), "latin1").includes("started"), {
      what: "the log file",
    });
    expect((await runPgpool(["-f", file, "-m", "fast", "stop"])).status).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });
});
