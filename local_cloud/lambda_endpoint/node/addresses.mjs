// Sends what is meant for a WebSocket API's `@connections` on AWS to the gateway of this machine.
// Functions make that address of the event, so that no variable could name another.
import dns from "node:dns";
import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { urlToHttpOptions } from "node:url";

const ON_AWS = /^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/;
const agent = new http.Agent({ keepAlive: true });

// Where a custom resource answers: functions send that over https, whatever its address says.
const ANSWERS = "/_stacks/responses/";

/** Return the options of a request as they are for a server of this machine. */
function at(server, options, path = options.path) {
  const headers = { ...options.headers };
  for (const name of Object.keys(headers)) if (name.toLowerCase() === "host") delete headers[name];
  const { hostname, port } = server;
  return { ...options, agent, headers, protocol: "http:", host: hostname, hostname, port, path };
}

/** Return a request's options for gateway or engine, `undefined` where neither is meant. */
function local(options, gateway, engine) {
  const host = String(options.hostname ?? options.host ?? "").split(":")[0];
  const api = ON_AWS.exec(host)?.[1];
  const ours = [gateway.hostname, "localhost", "127.0.0.1"].includes(host);
  const own = ours && String(options.port ?? "") === gateway.port;
  if (host === engine?.hostname && String(options.path).startsWith(ANSWERS)) return at(engine, options);
  if (api === undefined && !own) return undefined;
  // By this the gateway can verify a signature that was made for the address on AWS.
  const signed = Object.entries(options.headers ?? {}).find(([name]) => name.toLowerCase() === "host");
  const asked = options.port ? `${host}:${options.port}` : host;
  const address = `https://${signed?.[1] ?? asked}${options.path}`;
  const told = { ...options, headers: { ...options.headers, "X-Signed-For": address } };
  return at(gateway, told, api === undefined ? options.path : `/${api}${options.path}`);
}

/** Have every name under `localhost` mean this machine (RFC 6761), which not every resolver does. */
export function resolveLocalhost() {
  const original = dns.lookup;
  dns.lookup = (name, ...rest) =>
    original(String(name).endsWith(".localhost") ? "localhost" : name, ...rest);
  syncBuiltinESMExports();
}

export function useGateway(url) {
  const gateway = new URL(url);
  const engine = process.env.AWS_ENDPOINT_URL && new URL(process.env.AWS_ENDPOINT_URL);
  for (const method of ["request", "get"]) {
    const original = https[method];
    https[method] = (...args) => {
      const [first, second] = args;
      const named = typeof first === "string" || first instanceof URL;
      const more = named && typeof second === "object" ? second : {};
      const options = named ? { ...urlToHttpOptions(new URL(first)), ...more } : first;
      const ours = local(options, gateway, engine);
      if (ours === undefined) return original.apply(https, args);
      const callback = args.find((arg) => typeof arg === "function");
      return http[method](ours, callback);
    };
  }
  syncBuiltinESMExports();
}
