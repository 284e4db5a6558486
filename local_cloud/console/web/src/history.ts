/** An execution's event history, read into what each state did: the past, at any of its events. */

export interface HistoryEvent {
  id: number;
  previousEventId?: number;
  type: string;
  timestamp: number;
  [details: string]: any;
}

export type Status = "running" | "succeeded" | "failed" | "caught" | "aborted";

/** One pass through a state. */
export interface Visit {
  name: string;
  type: string;
  status: Status;
  enteredAt: number;
  exitedAt?: number;
  entered: number;
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
  retries: number;
  resource?: string;
  requestId?: string;
}

const FAILURES = /(Failed|TimedOut|Aborted)$/;

/** Return the passes through all states, as of the event with the id `upTo`. */
export function visits(events: HistoryEvent[], upTo = Infinity): Visit[] {
  const all: Visit[] = [];
  // Which visit an event belongs to, found by following `previousEventId` to where one was entered.
  const owner = new Map<number, Visit>();
  for (const event of events) {
    if (event.id > upTo) break;
    const before = owner.get(event.previousEventId ?? 0);
    const entered = event.stateEnteredEventDetails;
    if (entered) {
      const visit: Visit = {
        name: entered.name,
        type: event.type.replace("StateEntered", ""),
        status: "running",
        enteredAt: event.timestamp,
        entered: event.id,
        input: entered.input,
        retries: 0,
      };
      // Leaving a failed state by its Catch goes straight to the next one's entry.
      if (before && before.status === "failed") before.status = "caught";
      all.push(visit);
      owner.set(event.id, visit);
      continue;
    }
    if (before) owner.set(event.id, before);
    const exited = event.stateExitedEventDetails;
    if (exited) {
      const visit = [...all].reverse().find((v) => v.name === exited.name && v.exitedAt === undefined && (before === v || !before)) ??
        [...all].reverse().find((v) => v.name === exited.name && v.exitedAt === undefined);
      if (visit) {
        visit.status = visit.status === "failed" ? "caught" : "succeeded";
        visit.exitedAt = event.timestamp;
        visit.output = exited.output;
        owner.set(event.id, visit);
      }
      continue;
    }
    if (before) note(before, event);
    const ended = /^Execution(Failed|TimedOut|Aborted)$/.exec(event.type);
    if (ended) {
      for (const visit of all) {
        if (visit.exitedAt === undefined && visit.status === "running") {
          visit.status = ended[1] === "Aborted" ? "aborted" : "failed";
          visit.exitedAt = event.timestamp;
        }
      }
    }
  }
  return all;
}

function note(visit: Visit, event: HistoryEvent): void {
  const details: any = Object.entries(event).find(([key]) => key.endsWith("EventDetails"))?.[1] ?? {};
  if (/Scheduled$/.test(event.type)) {
    if (visit.resource !== undefined) visit.retries += 1;
    visit.resource = functionOf(details) ?? details.resource;
    if (visit.status === "failed") visit.status = "running";
  }
  if (/^(Task|LambdaFunction)Succeeded$/.test(event.type)) {
    visit.requestId = requestOf(details.output);
    visit.error = visit.cause = undefined;
  }
  if (FAILURES.test(event.type) && !event.type.startsWith("Execution")) {
    visit.status = "failed";
    visit.error = details.error;
    visit.cause = details.cause;
    visit.exitedAt = undefined;
  }
}

function functionOf(details: any): string | undefined {
  const found = parse(details.parameters)?.FunctionName ?? details.resource;
  return typeof found === "string" && found.includes(":function:") ? found.split(":function:")[1] : parse(details.parameters)?.FunctionName;
}

function requestOf(output?: string): string | undefined {
  return parse(output)?.SdkResponseMetadata?.RequestId;
}

export function parse(text?: string): any {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function pretty(text?: string): string {
  const found = parse(text);
  return found === undefined ? (text ?? "") : JSON.stringify(found, null, 2);
}

/** Return a duration in the form that fits its size. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(2)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString();
}
