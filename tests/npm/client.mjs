// An official MCP client on a leash: client.mjs MODULES PACKAGE MODE COMMAND...
//
// MODULES holds node_modules; PACKAGE is @modelcontextprotocol/sdk (1.x) or @modelcontextprotocol/client (2.x); MODE is
// how 2.x finds the revision: "legacy", "auto", or one to be pinned. Connects to the server COMMAND and tells
// {"ready": revision}; then every line of standard input, {"do": "callTool", "with": {...}}, calls that method of the
// client, and a line tells {"result": ...} or {"error": message, "code": ...}. The end of standard input closes it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, name, mode, command, ...args] = process.argv.slice(2);
const require = createRequire(modules + "/");
const old = name.endsWith("/sdk");
const { Client } = require(old ? name + "/client/index.js" : name);
const { StdioClientTransport } = require(old ? name + "/client/stdio.js" : name + "/stdio");
const tell = (value) => process.stdout.write(JSON.stringify(value) + "\n");

const negotiation = mode === "legacy" || mode === "auto" ? mode : { pin: mode };
const client = new Client({ name: "tests", version: "1" }, old ? {} : { versionNegotiation: { mode: negotiation } });
const transport = new StdioClientTransport({ command, args, stderr: "inherit" });
await client.connect(transport);
tell({ ready: old ? "" : client.getNegotiatedProtocolVersion(), server: client.getServerVersion() });

for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line);
  try {
    const result = await client[step.do](step.with);
    tell({ result: step.do === "listen" ? result.honoredFilter : result });
  } catch (error) {
    tell({ error: error.message, code: error.code });
  }
}
await client.close();
