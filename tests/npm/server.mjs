// An MCP server made with an official SDK, as a plugin: server.mjs MODULES PACKAGE MODE.
//
// MODULES holds node_modules; PACKAGE is @modelcontextprotocol/server (2.x) or @modelcontextprotocol/sdk (1.x). MODE:
//   native        2.x, both eras: io.hookcast/hooks in capabilities.extensions, heard by the fallback handlers
//   native-legacy the same by hand-wired stdio, which the SDK serves as its 2025 era
//   tool          a tool `record`, which makes a tool `finish` when it is asked to grow
// What it hears goes to heard.ndjson in the working directory. A payload with "fail" fails with that message.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";

const [modules, name, mode] = process.argv.slice(2);
const require = createRequire(modules + "/");
const old = name.endsWith("/sdk");
const heard = (value) => appendFileSync("heard.ndjson", JSON.stringify(value) + "\n");
const info = { name: "tests", version: "1" };

function native() {
  const { Server } = require(name);
  const server = new Server(info, { capabilities: { extensions: { "io.hookcast/hooks": { hooks: ["on_start", "on_end"] } } } });
  const answers = { "hooks/setup": {}, "hooks/health": { status: "ok" }, "hooks/teardown": { released: true } };
  server.fallbackRequestHandler = async (request) => {
    heard({ request: request.method, params: request.params });
    if (!(request.method in answers)) throw new Error("not served: " + request.method);
    return answers[request.method];
  };
  server.fallbackNotificationHandler = async (event) => {
    heard({ event: event.method, params: event.params });
    if (!event.params.fail) return;
    const { seq } = event.params._meta["io.hookcast/event"];
    await server.notification({
      method: "notifications/hooks/failed",
      params: { hook: event.method, seq, error: { message: event.params.fail } },
    });
  };
  return server;
}

function tools() {
  const { McpServer } = require(old ? name + "/server/mcp.js" : name);
  const server = new McpServer(info);
  const schema = old
    ? { path: require("zod").string(), fail: require("zod").string().optional(), grow: require("zod").boolean().optional() }
    : require(name).fromJsonSchema({ type: "object", required: ["path"], properties: { path: { type: "string" },
        fail: { type: "string" }, grow: { type: "boolean" } } });
  const tool = (hook) => async (args, context) => {
    heard({ tool: hook, params: args, meta: context?._meta ?? context?.mcpReq?._meta });
    if (args.fail) throw new Error(args.fail);
    if (args.grow) server.registerTool("finish", { inputSchema: schema }, tool("finish"));
    return { content: [{ type: "text", text: "recorded" }] };
  };
  server.registerTool("record", { inputSchema: schema }, tool("record"));
  return server;
}

const make = mode.startsWith("native") ? native : tools;
if (old || mode === "native-legacy") {
  const { StdioServerTransport } = require(old ? name + "/server/stdio.js" : name + "/stdio");
  await make().connect(new StdioServerTransport());
} else {
  require(name + "/stdio").serveStdio(make);
}
