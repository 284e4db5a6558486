// Sends what is meant for a WebSocket API's `@connections` on AWS to the gateway of this machine.
// Functions make that address of the event, so that no variable could name another.
import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { urlToHttpOptions } from "node:url";

const ON_AWS = /^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/;
const agent = new http.Agent({ keepAlive: true });

/** Return the options of a request as they are for the gateway, `undefined` where it is not meant. */
function local(options, gateway) {
  const host = String(options.hostname ?? options.host ?? "").split(":")[0];
  const api = ON_AWS.exec(host)?.[1];
  const ours = [gateway.hostname, "localhost", "127.0.0.1"].includes(host);
  const own = ours && String(options.port ?? "") === gateway.port;
  if (api === undefined && !own) return undefined;
  const headers = { ...options.headers };
  for (const name of Object.keys(headers)) if (name.toLowerCase() === "host") delete headers[name];
  return {
    ...options,
    agent,
    headers,
    protocol: "http:",
    host: gateway.hostname,
    hostname: gateway.hostname,
    port: gateway.port,
    path: api === undefined ? options.path : `/${api}${options.path}`,
  };
}

export function useGateway(url) {
  const gateway = new URL(url);
  for (const method of ["request", "get"]) {
    const original = https[method];
    https[method] = (...args) => {
      const [first, second] = args;
      const named = typeof first === "string" || first instanceof URL;
      const more = named && typeof second === "object" ? second : {};
      const options = named ? { ...urlToHttpOptions(new URL(first)), ...more } : first;
      const ours = local(options, gateway);
      if (ours === undefined) return original.apply(https, args);
      const callback = args.find((arg) => typeof arg === "function");
      return http[method](ours, callback);
    };
  }
  syncBuiltinESMExports();
}
