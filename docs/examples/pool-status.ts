// Tells how the nodes of a pool are, and which clients are connected through it.
//
//     PCPPASSWORD=secret bun pool-status.ts HOST PORT USER
//     PCPPASSWORD=secret deno run --allow-net --allow-env pool-status.ts HOST PORT USER
import process from "node:process";
import { connectPcp, PcpClientError } from "../../mod.ts";

const [host = "localhost", port = "9898", user = "pgpool"] = process.argv.slice(2);
const password = process.env["PCPPASSWORD"] ?? "";

try {
  const pool = await connectPcp({ host, port: Number(port), user, password });
  for (const node of await pool.nodeInfo("all")) {
    console.log(`node ${node.nodeId}: ${node.hostname}:${node.port} ${node.role} ${node.status}`);
  }
  const clients = (await pool.processInfo("all")).filter((entry) => entry.isConnected);
  for (const { clientHost, database, username, backendPid, status } of clients) {
    if (backendPid === 0) continue;
    console.log(`${username}@${database} from ${clientHost}: server process ${backendPid}, ${status}`);
  }
  await pool.close();
} catch (error) {
  if (!(error instanceof PcpClientError)) throw error;
  console.error(`${error.severity}: ${error.message} ${error.detail}`);
  process.exitCode = error.kind === "authentication" ? 2 : 1;
}
