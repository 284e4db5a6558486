// Runs a Node.js function: loads its handler and speaks the Lambda Runtime API.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// AWS's own client compiles C++ when it is installed; this one needs Node alone.
import { existsSync } from "node:fs";
import http from "node:http";
import { createRequire, register } from "node:module";
import path from "node:path";
import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { resolveLocalhost, useGateway } from "./addresses.mjs";

// What lies in layers and beside the function is found by `import`, too, as on Lambda.
register("./resolve.mjs", import.meta.url);
resolveLocalhost();
if (process.env.WEBSOCKET_URL) useGateway(process.env.WEBSOCKET_URL);

const API = process.env.AWS_LAMBDA_RUNTIME_API;
const BASE = "/2018-06-01/runtime";
const [HOST, PORT] = API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
// A function from a zip names its files as on AWS; one from a folder, where they are.
const SHOWN_ROOT = process.env.LOCAL_CLOUD_SHOWN_ROOT || process.env.LAMBDA_TASK_ROOT;
const STREAMED = Symbol.for("aws.lambda.runtime.handler.streaming");
const PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response";

function call(method, route, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const request = http.request(
      { agent, host: HOST, port: PORT, method, path: BASE + route, headers: { ...length, ...headers } },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** What went wrong, as Lambda tells it. */
function report(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return {
    errorType: error.name,
    errorMessage: error.message,
    trace: (error.stack ?? "").replaceAll(process.env.LAMBDA_TASK_ROOT, SHOWN_ROOT).split("\n"),
  };
}

function userCodeError(name, message) {
  const error = new Error(message);
  error.name = `Runtime.${name}`;
  return error;
}

/** Find the file of a handler such as `src/app.lambda`, and what it exports. */
async function load() {
  const handler = process.env._HANDLER;
  const root = process.env.LAMBDA_TASK_ROOT;
  const base = path.basename(handler);
  const dot = base.indexOf(".");
  if (dot < 1 || handler.includes("..")) throw userCodeError("MalformedHandlerName", `Bad handler: ${handler}`);
  const file = path.join(root, path.dirname(handler), base.slice(0, dot));
  const found = ["", ".js", ".mjs", ".cjs"].map((end) => file + end).find((name) => existsSync(name));
  let module;
  try {
    if (found === undefined) module = createRequire(path.join(root, "index.js"))(file);
    else if (found.endsWith(".cjs")) module = createRequire(found)(found);
    else module = await import(pathToFileURL(found));
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(error, { name: "Runtime.UserCodeSyntaxError" });
    const missing = error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND";
    if (!missing) throw error;
    throw userCodeError("ImportModuleError", `Error: ${error.message}`);
  }
  // A CommonJS module that is imported has its exports in `default`, too.
  const names = base.slice(dot + 1).split(".");
  const pick = (from) => names.reduce((value, name) => value?.[name], from);
  const chosen = pick(module) ?? pick(module.default);
  if (chosen === undefined)
    throw userCodeError("HandlerNotFound", `${handler} is undefined or not exported`);
  if (typeof chosen !== "function") throw userCodeError("HandlerNotFound", `${handler} is not a function`);
  return chosen;
}

/** A stream that becomes the answer, sent as it is written. */
class ResponseStream extends PassThrough {
  contentType = "application/octet-stream";
  setContentType(type) {
    this.contentType = type;
  }
}

class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(PRELUDE_TYPE);
    stream.write(JSON.stringify(prelude));
    stream.write(Buffer.alloc(8));
    return stream;
  }
}

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMED]: true }),
  HttpResponseStream,
};

let current = "";
for (const level of ["debug", "error", "info", "log", "trace", "warn"]) {
  console[level] = (...values) => {
    const name = level === "log" ? "INFO" : level.toUpperCase();
    // One line is one event in the log: AWS writes carriage returns within it.
    const text = format(...values).replaceAll("\n", "\r");
    process.stdout.write(`${new Date().toISOString()}\t${current || "undefined"}\t${name}\t${text}\n`);
  };
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const json = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    clientContext: json("lambda-runtime-client-context"),
    identity: json("lambda-runtime-cognito-identity"),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

/** Run a handler that answers by a promise, a callback or the old methods of its context. */
function answer(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, value) => (error === undefined || error === null ? resolve(value) : reject(error));
    context.done = callback;
    context.succeed = (value) => resolve(value);
    context.fail = (error) => reject(error ?? new Error("handled"));
    // What nobody answers is answered with null when nothing is left that could.
    const nothing = () => resolve(null);
    process.once("beforeExit", nothing);
    const returned = handler(event, context, callback);
    if (returned && typeof returned.then === "function") returned.then(resolve, reject);
  }).finally(() => process.removeAllListeners("beforeExit"));
}

function streamed(handler, event, context, route) {
  return new Promise((resolve, reject) => {
    const stream = new ResponseStream();
    let request;
    const begin = () => {
      request ??= http.request(
        {
          agent,
          host: HOST,
          port: PORT,
          method: "POST",
          path: `${BASE}${route}/response`,
          headers: {
            "Content-Type": stream.contentType,
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
          },
        },
        (response) => response.resume().on("end", resolve),
      );
      request.on("error", reject);
      return request;
    };
    stream.on("data", (chunk) => begin().write(chunk));
    stream.on("end", () => begin().end());
    Promise.resolve(handler(event, stream, context)).then(
      () => {
        if (!stream.writableEnded) stream.end();
      },
      (error) => {
        if (request === undefined) return reject(error);
        // What was sent is with the client; the error goes behind it.
        const told = report(error);
        console.error("Invoke Error", JSON.stringify({ ...told, stack: told.trace }));
        request.addTrailers({
          "Lambda-Runtime-Function-Error-Type": told.errorType,
          "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(told)).toString("base64"),
        });
        stream.end();
      },
    );
  });
}

async function main() {
  let handler;
  try {
    handler = await load();
  } catch (error) {
    const told = report(error);
    console.error("Uncaught Exception", JSON.stringify({ ...told, stack: told.trace }));
    await call("POST", "/init/error", {
      headers: { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": told.errorType },
      body: JSON.stringify(told),
    });
    process.exit(129);
  }
  for (;;) {
    const { headers, body } = await call("GET", "/invocation/next");
    current = headers["lambda-runtime-aws-request-id"];
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    const route = `/invocation/${current}`;
    try {
      const event = JSON.parse(body);
      const context = contextOf(headers);
      if (handler[STREAMED]) {
        await streamed(handler, event, context, route);
        continue;
      }
      const value = await answer(handler, event, context);
      const text = JSON.stringify(value === undefined ? null : value) ?? "null";
      await call("POST", `${route}/response`, { headers: { "Content-Type": "application/json" }, body: text });
    } catch (error) {
      const told = report(error);
      console.error("Invoke Error", JSON.stringify({ ...told, stack: told.trace }));
      await call("POST", `${route}/error`, {
        headers: { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": told.errorType },
        body: JSON.stringify(told),
      });
    }
  }
}

process.on("uncaughtException", async (error) => {
  const told = report(error);
  console.error("Uncaught Exception", JSON.stringify({ ...told, stack: told.trace }));
  if (current) {
    const body = JSON.stringify(told);
    await call("POST", `/invocation/${current}/error`, { headers: { "Content-Type": "application/json" }, body });
  }
  process.exit(129);
});

await main();
