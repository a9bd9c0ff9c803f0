import { loginScript, on, type Topic } from "../script.ts";

/** Start-up: what the server tells about itself, and what it refuses. */
export const logins: Topic = {
  name: "logins",
  setup: `
    CREATE ROLE logins_plain LOGIN;
    CREATE ROLE logins_none NOLOGIN;
    CREATE ROLE logins_set LOGIN;
    ALTER ROLE logins_set SET work_mem = '6MB';
    ALTER ROLE logins_set SET datestyle = 'German';
    CREATE ROLE logins_limited LOGIN CONNECTION LIMIT 0;`,
  scripts: [
    loginScript("plain", {}, "SELECT 1"),
    loginScript("an ordinary user", { user: "logins_plain" }, "SELECT current_user"),
    loginScript("settings of the role", { user: "logins_set" }, "SHOW work_mem", "SHOW datestyle"),
    loginScript(
      "an application name",
      { parameters: { application_name: "differential" } },
      "SHOW application_name",
      on("b", "SHOW application_name"),
      // RESET goes back to the name of the connection's first client (docs/differences.md).
      "SET application_name = 'changed'",
      "SHOW application_name",
    ),
    loginScript(
      "settings of its own",
      { parameters: { DateStyle: "SQL, DMY", TimeZone: "Asia/Tokyo", extra_float_digits: "2" } },
      "SELECT '2024-03-01'::date",
      "SET datestyle = 'ISO'",
      "RESET datestyle",
      "SELECT '2024-03-01'::date, '2024-03-01 00:00+00'::timestamptz",
      "DISCARD ALL",
      "SHOW timezone",
    ),
    loginScript(
      "options",
      { parameters: { options: "-c work_mem=3MB -c mine.a=b\\ c --enable-seqscan=off" } },
      "SHOW work_mem",
      "SHOW mine.a",
      "SHOW enable_seqscan",
      "RESET ALL",
      "SHOW work_mem",
    ),
    loginScript("a client encoding", { parameters: { client_encoding: "LATIN1" } }, "SELECT 1"),
    loginScript("a setting that nobody knows", { parameters: { nonsense: "1" } }),
    loginScript("a setting with a bad value", { parameters: { work_mem: "plenty" } }),
    loginScript("options that nobody knows", { parameters: { options: "-c nonsense=1" } }),
    loginScript("a database that does not exist", { database: "logins_nowhere" }),
    loginScript("a user that does not exist", { user: "logins_nobody" }),
    loginScript("a role that may not log in", { user: "logins_none" }),
    loginScript("a role without a connection left", { user: "logins_limited" }),
    loginScript("a user without a name", { user: "" }),
    loginScript("protocol 3.2", { minor: 2 }, "SELECT 1"),
    loginScript("a minor version to come", { minor: 9999 }, "SELECT 1"),
    loginScript(
      "protocol options to come",
      { minor: 2, parameters: { "_pq_.one": "1", "_pq_.two": "2" } },
      "SELECT 1",
    ),
    loginScript("protocol options in 3.0", { parameters: { "_pq_.one": "1" } }, "SELECT 1"),
  ],
};
