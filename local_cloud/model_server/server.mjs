// A GGUF file behind OpenAI's chat completions, with node-llama-cpp: https://node-llama-cpp.withcat.ai
// A model that was never taught to call tools is held to a grammar: a call of one, or words.
import { createServer } from "node:http";
import { basename } from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    packages: { type: "string" }, // the folder that has node_modules
    file: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string" },
    context: { type: "string" },
    threads: { type: "string" },
  },
});
const found = createRequire(`${options.packages}/server.mjs`).resolve("node-llama-cpp");
const { getLlama, LlamaChatSession } = await import(pathToFileURL(found));

const MOST_BYTES = 4 * 2 ** 20;
const MOST_TOKENS = 512;
const HOSTS = new Set(["localhost", "127.0.0.1", "[::1]", "host.docker.internal"]);

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: options.file });
const context = await model.createContext({
  contextSize: { max: Number(options.context) },
  threads: Number(options.threads),
});
const sequence = context.getSequence();
const name = basename(options.file, ".gguf");

class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** What a call of one of these tools looks like, or words, where those may be. */
function schemaOf(tools, words) {
  const calls = tools.map(({ name, parameters }) => ({
    type: "object",
    properties: { tool: { const: name }, input: narrowed(parameters ?? { type: "object", properties: {} }) },
  }));
  if (words) calls.push({ type: "object", properties: { say: { type: "string" } } });
  return { oneOf: calls };
}

/** What a grammar can hold of a JSON Schema: of the properties, those that have to be there. */
function narrowed(schema) {
  if ("enum" in schema) return { enum: schema.enum };
  if ("const" in schema) return { const: schema.const };
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object" || schema.properties) {
    const wanted = (schema.required ?? []).filter((key) => key in (schema.properties ?? {}));
    return {
      type: "object",
      properties: Object.fromEntries(wanted.map((key) => [key, narrowed(schema.properties[key])])),
    };
  }
  if (type === "array") {
    const { minItems = 0, maxItems = 8 } = schema;
    return { type: "array", items: narrowed(schema.items ?? { type: "string" }), minItems, maxItems };
  }
  return { type: type ?? "string" };
}

function instructions(tools) {
  const listed = tools.map(({ name, description, parameters }) => {
    const names = parameters?.required ?? [];
    return `- ${name} {${names.join(", ")}}: ${(description ?? "").slice(0, 200)}`;
  });
  const [{ name }] = tools;
  return [
    "You have tools. Answer with JSON.",
    'To call a tool: {"tool": NAME, "input": {...}}',
    'To answer the user: {"say": TEXT}',
    "Tools:",
    ...listed,
    "For example, for a user who wants what a tool does:",
    `{"tool": "${name}", "input": {}}`,
    `Tool ${name} answered {"result": 1}`,
    '{"say": "It is 1."}',
  ].join("\n");
}

function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? [])
    .map((part) => {
      if (part.type !== "text") throw new Refused(400, "this model reads text alone");
      return part.text;
    })
    .join("\n");
}

/** The conversation up to its last word, and that. */
function historyOf(messages, tools) {
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => textOf(content));
  if (tools.length) system.push(instructions(tools));
  const history = system.length ? [{ type: "system", text: system.join("\n\n") }] : [];
  const called = new Map();
  for (const { role, content, tool_calls, tool_call_id } of messages) {
    if (role === "assistant") {
      const calls = (tool_calls ?? []).map(({ id, function: used }) => {
        called.set(id, used.name);
        return `{"tool": ${JSON.stringify(used.name)}, "input": ${used.arguments || "{}"}}`;
      });
      const words = textOf(content);
      const said = words && tools.length ? JSON.stringify({ say: words }) : words;
      history.push({ type: "model", response: [[said, ...calls].filter(Boolean).join("\n")] });
    } else if (role !== "system") {
      const text = role === "tool" ? `Tool ${called.get(tool_call_id) ?? ""} answered ${textOf(content)}` : textOf(content);
      const last = history.at(-1);
      if (last?.type === "user") last.text += `\n${text}`;
      else history.push({ type: "user", text });
    }
  }
  const last = history.pop();
  if (last?.type !== "user") throw new Refused(400, "the last message should be the user's or a tool's");
  return [history, last.text];
}

/** The words of {"say": "…"} as they come: what of them is whole. */
function wordsIn(json) {
  const begun = /^\s*\{\s*"say"\s*:\s*"/.exec(json);
  if (!begun) return "";
  const rest = json.slice(begun[0].length);
  const end = /(?<!\\)(?:\\\\)*"/.exec(rest);
  let whole = end ? rest.slice(0, end.index + end[0].length - 1) : rest;
  for (; ; whole = whole.slice(0, -1)) {
    try {
      return JSON.parse(`"${whole}"`); // it may end amid an escape
    } catch {
      if (!whole) return "";
    }
  }
}

async function answer(request, signal, say) {
  const all = (request.tools ?? []).map(({ function: tool }) => tool);
  const { tool_choice: choice = "auto" } = request;
  const only = choice?.function?.name;
  const tools = choice === "none" ? [] : only ? all.filter((tool) => tool.name === only) : all;
  const [history, text] = historyOf(request.messages, tools);
  const session = new LlamaChatSession({ contextSequence: sequence, autoDisposeSequence: false });
  session.setChatHistory(history);
  const grammar = tools.length
    ? await llama.createGrammarForJsonSchema(schemaOf(tools, choice === "auto"))
    : undefined;
  const before = sequence.tokenMeter.getState();
  let json = "";
  let told = "";
  try {
    const result = await session.promptWithMeta(text, {
      grammar,
      signal,
      stopOnAbortSignal: false,
      maxTokens: Math.min(request.max_tokens ?? request.max_completion_tokens ?? MOST_TOKENS, MOST_TOKENS),
      temperature: request.temperature ?? 0,
      topP: request.top_p,
      repeatPenalty: grammar ? false : { penalty: 1.1 },
      customStopTriggers: [request.stop ?? []].flat(),
      onTextChunk(chunk) {
        json += chunk;
        const words = grammar ? wordsIn(json) : json;
        if (words.length > told.length) say({ content: words.slice(told.length) });
        told = words;
      },
    });
    const used = sequence.tokenMeter.diff(before);
    const usage = { prompt_tokens: used.usedInputTokens, completion_tokens: used.usedOutputTokens };
    usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
    let finish = result.stopReason === "maxTokens" ? "length" : "stop";
    if (grammar && finish === "stop") {
      const { tool, input } = JSON.parse(json);
      if (tool !== undefined) {
        const used = { name: tool, arguments: JSON.stringify(input) };
        say({ tool_calls: [{ index: 0, id: `call_${crypto.randomUUID().slice(0, 8)}`, type: "function", function: used }] });
        finish = "tool_calls";
      }
    }
    return { finish, usage };
  } finally {
    session.dispose({ disposeSequence: false });
  }
}

// There is one sequence: who comes meanwhile waits.
let turn = Promise.resolve();
function inTurn(work) {
  const mine = turn.then(work);
  turn = mine.catch(() => {});
  return mine;
}

async function read(request) {
  let bytes = 0;
  const parts = [];
  for await (const part of request) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Refused(413, "the request is too large");
    parts.push(part);
  }
  try {
    const body = JSON.parse(Buffer.concat(parts));
    if (!Array.isArray(body.messages) || !body.messages.length) throw new Error("it has no messages");
    return body;
  } catch (error) {
    throw new Refused(400, `no chat completion is asked for: ${error.message}`);
  }
}

async function chat(request, response) {
  const body = await read(request);
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const about = { id: `chatcmpl-${crypto.randomUUID()}`, model: name, created: Math.floor(Date.now() / 1000) };
  const send = (object) => response.write(`data: ${JSON.stringify({ ...about, ...object })}\n\n`);
  const object = "chat.completion.chunk";
  const message = { role: "assistant", content: null };
  const say = (delta) => {
    if (!body.stream) {
      if (delta.content) message.content = (message.content ?? "") + delta.content;
      if (delta.tool_calls) message.tool_calls = delta.tool_calls.map(({ index, ...call }) => call);
      return;
    }
    if (!response.headersSent) response.writeHead(200, { "Content-Type": "text/event-stream" });
    send({ object, choices: [{ index: 0, delta, finish_reason: null }] });
  };
  const { finish, usage } = await inTurn(() => answer(body, gone.signal, say));
  if (!body.stream) {
    const choices = [{ index: 0, message, finish_reason: finish }];
    return json(response, 200, { ...about, object: "chat.completion", choices, usage });
  }
  say({});
  send({ object, choices: [{ index: 0, delta: {}, finish_reason: finish }] });
  if (body.stream_options?.include_usage) send({ object, choices: [], usage });
  response.end("data: [DONE]\n\n");
}

function json(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

async function onRequest(request, response) {
  const { pathname, hostname } = new URL(request.url, `http://${request.headers.host ?? "none"}`);
  // No page of a browser's reaches it, whatever name it has for this machine.
  if (!HOSTS.has(hostname) || request.headers.origin !== undefined)
    return json(response, 403, { error: { message: "this host or page is not answered" } });
  if (request.method === "GET" && pathname === "/v1/models")
    return json(response, 200, { object: "list", data: [{ id: name, object: "model", owned_by: "local" }] });
  if (request.method !== "POST" || pathname !== "/v1/chat/completions")
    return json(response, 404, { error: { message: `there is no ${request.method} ${pathname}` } });
  try {
    await chat(request, response);
  } catch (error) {
    const words = { error: { message: error.message } };
    if (response.headersSent) response.end(`data: ${JSON.stringify(words)}\n\n`);
    else json(response, error.status ?? 500, words);
  }
}

const server = createServer(onRequest);
server.on("error", (error) => {
  console.error(`It does not listen: ${error.message}`);
  process.exit(1);
});
server.listen(Number(options.port), options.host, () => {
  const base = `http://${options.host}:${server.address().port}/v1`;
  console.log(`${name} answers at ${base} until Ctrl-C. In config/models.yaml:\n`);
  console.log(`  - match: "*"\n    answer: openai\n    base_url: ${base}\n    model: ${name}`);
});
for (const end of ["SIGINT", "SIGTERM"]) process.on(end, () => process.exit(0));
