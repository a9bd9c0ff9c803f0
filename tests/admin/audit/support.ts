import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { audit } from "../../../lib/admin/audit/audit.ts";
import type { Finding } from "../../../lib/config/audit/finding.ts";
import { tempDir } from "../../support/temp.ts";

/** A configuration that is sound, and what to change of it. */
export interface Files {
  /** Lines of pgpool.conf that replace those of the same name, or are added. */
  readonly conf?: string;
  /** Names to leave out. */
  readonly without?: readonly string[];
  readonly hba?: string;
  readonly passwd?: string;
  readonly pcp?: string;
  readonly key?: string;
  /** Further files by name, with `mode` 0600. */
  readonly more?: Readonly<Record<string, string>>;
  readonly modes?: Readonly<Record<string, number>>;
  readonly now?: Date;
}

const sound = `
backend_clustering_mode = 'streaming_replication'
listen_addresses = 'localhost'
port = 9999
unix_socket_directories = 'DIR'
pid_file_name = 'DIR/pgpool.pid'
work_dir = 'DIR'
backend_hostname0 = 'alpha'
backend_port0 = 5432
backend_weight0 = 1
backend_application_name0 = 'alpha'
backend_hostname1 = 'beta'
backend_port1 = 5432
backend_weight1 = 1
backend_application_name1 = 'beta'
enable_pool_hba = on
pool_passwd = 'pool_passwd'
sr_check_user = 'checker'
health_check_period = 10
health_check_timeout = 5
health_check_user = 'checker'
wd_ipc_socket_dir = 'DIR'
`;

const soundHba = `
local all all scram-sha-256
host app app 10.0.0.0/8 scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
`;

/** Writes the files into a new directory, checks them and gives the findings. */
export async function auditOf(files: Files): Promise<readonly Finding[]> {
  const dir = tempDir();
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), text.replaceAll("DIR", dir), { mode: 0o600 });
  };
  const changed = new Set(
    (files.conf ?? "").split("\n").map((line) => line.split("=", 1)[0]?.trim() ?? ""),
  );
  const kept = sound.split("\n").filter((line) => {
    const name = line.split("=", 1)[0]?.trim() ?? "";
    return name !== "" && !changed.has(name) && !files.without?.includes(name);
  });
  mkdirSync(join(dir, "conf.d"));
  write("pgpool.conf", `${kept.join("\n")}\n${files.conf ?? ""}\n`);
  write("pool_hba.conf", files.hba ?? soundHba);
  write("pool_passwd", files.passwd ?? "app:TEXTapp\n");
  if (files.pcp !== undefined) write("pcp.conf", files.pcp);
  if (files.key !== undefined) write("key", files.key);
  for (const [name, text] of Object.entries(files.more ?? {})) write(name, text);
  for (const [name, mode] of Object.entries(files.modes ?? {})) chmodSync(join(dir, name), mode);
  return await audit(
    {
      config: join(dir, "pgpool.conf"),
      pcp: join(dir, "pcp.conf"),
      hba: join(dir, "pool_hba.conf"),
      key: join(dir, "key"),
    },
    { connect: false, environment: {}, ...(files.now ? { now: files.now } : {}) },
  );
}
