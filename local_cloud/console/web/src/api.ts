/** Calls to the console's server: AWS operations by their names in the SDK for Python. */

export class CallFailed extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const HEADERS = { "Content-Type": "application/json", "X-Console": "1" };

async function read(answer: Response): Promise<any> {
  const body = await answer.json().catch(() => ({ error: `The console answered ${answer.status}.` }));
  if (!answer.ok || body.error) throw new CallFailed(body.code ?? String(answer.status), body.error ?? "failed");
  return body;
}

/** Call an AWS operation, such as `aws("dynamodb", "scan", { TableName })`. */
export async function aws(service: string, operation: string, args: object = {}, headers: object = {}): Promise<any> {
  const options = { method: "POST", headers: { ...HEADERS, ...headers }, body: JSON.stringify(args) };
  return read(await request(`/api/aws/${service}/${operation}`, options));
}

export async function get(path: string): Promise<any> {
  return read(await request(path, {}));
}

/** What the engine knows of workflows beyond AWS' API. */
export async function workflows(page: string, body?: object): Promise<any> {
  const options = body ? { method: "POST", headers: HEADERS, body: JSON.stringify(body) } : {};
  return (await read(await request(`/api/workflows/${page}`, options))).answer;
}

/** The rules of faults on purpose, after what is done with them. */
export async function faults(method: "GET" | "POST" | "DELETE", body?: object): Promise<any> {
  return read(await request("/api/faults", { method, headers: HEADERS, body: body && JSON.stringify(body) }));
}

export async function upload(name: string, file: File, token: string): Promise<string> {
  const headers = { ...HEADERS, Authorization: `Bearer ${token}` };
  const path = `/api/datasets?name=${encodeURIComponent(name)}`;
  return (await read(await request(path, { method: "POST", headers, body: file }))).dataset;
}

async function request(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, options);
  } catch {
    throw new CallFailed("ConsoleDown", "The console does not answer. Is the cloud running? (./local-cloud up)");
  }
}

/** Listen to the server's events until the returned function is called. */
export function watch(query: string, handlers: Record<string, (data: any) => void>): () => void {
  const source = new EventSource(`/api/watch${query}`);
  for (const [name, handle] of Object.entries(handlers)) {
    if (name === "down") source.onerror = () => handle(null);
    else source.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent).data)));
  }
  return () => source.close();
}
