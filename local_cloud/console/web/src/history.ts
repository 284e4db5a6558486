/** An execution's event history, read into what each state did: the past, at any of its events. */

import { parse } from "./format";
import type { HistoryEvent } from "./types";

export type Status = "running" | "succeeded" | "failed" | "caught" | "aborted";

/** One try of a task. */
export interface Attempt {
  at: number;
  /** How often the execution had been redriven before. */
  redrives: number;
  endedAt?: number;
  error?: string;
}

/** One pass through a state. */
export interface Visit {
  name: string;
  type: string;
  status: Status;
  /** The event that entered it: names the pass. */
  entered: number;
  enteredAt: number;
  exitedAt?: number;
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
  attempts: Attempt[];
  /** The function or service that a task calls. */
  resource?: string;
  isFunction?: boolean;
  requestId?: string;
  /** The state that came before, or the Map or Parallel that it begins in. */
  previous?: string;
  /** Which item of the Map that it lies in. */
  iteration?: number;
  /** The pass through the Map or Parallel that it lies in. */
  parent?: Visit;
  /** The event that entered the first state beside it: those have their variables in common. */
  scope: number;
  /** What a task gave, before the state made its output of it. */
  result?: string;
  /** Variables that it assigned, as JSON. */
  assigned?: Record<string, string>;
  /** The map run of a distributed Map. */
  mapRun?: string;
}

/** A variable as it is at a moment. */
export interface Variable {
  name: string;
  value: string;
  /** The pass that assigned it. */
  by: Visit;
  /** What it was before, first to last. */
  before: { value: string; by: Visit }[];
}

const TASK_FAILED = /^(Task|LambdaFunction|Activity).*(Failed|TimedOut)$|^EvaluationFailed$/;
const CONTAINER = /^(Map|Parallel)/;
const FUNCTION = /:function:([A-Za-z0-9_-]+)/;

/** Where an event stands: the pass it belongs to, and the item of the innermost Map. */
interface Place {
  visit: Visit;
  iteration?: number;
  /** The execution has ended there; what follows was redriven. */
  ended?: boolean;
}

/** Return the passes through all states, as of the event with the id `upTo`. */
export function visits(events: HistoryEvent[], upTo = Infinity): Visit[] {
  const all: Visit[] = [];
  const places = new Map<number, Place>();
  let redrives = 0;
  for (const event of events) {
    if (event.id > upTo) break;
    if (event.type === "ExecutionRedriven") redrives += 1;
    const place = places.get(event.previousEventId ?? 0);
    const entered = event.stateEnteredEventDetails;
    const exited = event.stateExitedEventDetails;
    if (entered) {
      const visit = enter(event, entered, place?.ended ? undefined : place);
      all.push(visit);
      places.set(event.id, { visit, iteration: place?.iteration });
    } else if (exited) {
      const own = place && place.visit.name === exited.name ? place.visit : undefined;
      const visit = own ?? all.findLast((v) => v.name === exited.name && v.exitedAt === undefined);
      if (!visit) continue;
      visit.status = visit.status === "failed" ? "caught" : "succeeded";
      visit.exitedAt = event.timestamp;
      visit.output = exited.output;
      visit.assigned = exited.assignedVariables;
      places.set(event.id, { visit, iteration: visit.iteration });
    } else if (event.type.startsWith("Execution")) {
      end(event, all);
      if (place) places.set(event.id, { ...place, ended: true });
    } else if (place) {
      const visit = CONTAINER.test(event.type) ? container(place.visit) : place.visit;
      if (visit !== place.visit && place.visit.type === "Fail") fail(place.visit, event);
      note(visit, event, all, redrives);
      const index = event.mapIterationStartedEventDetails?.index;
      places.set(event.id, { visit, iteration: index ?? place.iteration });
    }
  }
  return all;
}

/** The Map or Parallel that an event of one is about, though it follows an event of a state inside. */
function container(visit: Visit): Visit {
  let found: Visit | undefined = visit;
  while (found && !CONTAINER.test(found.type)) found = found.parent;
  return found ?? visit;
}

function enter(event: HistoryEvent, details: any, place?: Place): Visit {
  const before = place?.visit;
  // A failed state is left by its Catch straight to the next one's entry.
  if (before?.status === "failed") {
    before.status = "caught";
    before.exitedAt ??= event.timestamp;
  }
  const inside = before !== undefined && CONTAINER.test(before.type) && before.exitedAt === undefined;
  return {
    name: details.name,
    type: event.type.replace("StateEntered", ""),
    status: "running",
    entered: event.id,
    enteredAt: event.timestamp,
    input: details.input,
    attempts: [],
    previous: before?.name,
    iteration: place?.iteration,
    parent: inside ? before : before?.parent,
    scope: inside || !before ? event.id : before.scope,
  };
}

function note(visit: Visit, event: HistoryEvent, all: Visit[], redrives: number): void {
  const details = detailsOf(event);
  if (event.type.endsWith("Scheduled")) {
    visit.attempts.push({ at: event.timestamp, redrives });
    visit.isFunction = functionOf(details) !== undefined;
    visit.resource =
      functionOf(details) ?? ([details.resourceType, details.resource].filter(Boolean).join(":") || undefined);
    visit.status = "running";
    visit.error = visit.cause = visit.requestId = visit.exitedAt = undefined;
  } else if (/^(Task|LambdaFunction)Succeeded$/.test(event.type)) {
    endAttempt(visit, event);
    visit.result = details.output;
    visit.requestId = parse(details.output)?.SdkResponseMetadata?.RequestId;
  } else if (TASK_FAILED.test(event.type)) {
    endAttempt(visit, event, details.error ?? event.type);
    fail(visit, event, details);
  } else if (event.type === "MapRunStarted") {
    visit.mapRun = details.mapRunArn;
  } else if (/State(Failed|Aborted|TimedOut)$/.test(event.type)) {
    fail(visit, event, details);
    if (event.type.includes("Aborted")) visit.status = "aborted";
    for (const other of all) if (isInside(other, visit) && other.exitedAt === undefined) stop(other, event, "aborted");
  }
}

function fail(visit: Visit, event: HistoryEvent, details: any = {}): void {
  stop(visit, event, "failed");
  visit.error = details.error;
  visit.cause = details.cause;
  visit.requestId = parse(details.cause)?.requestId;
}

function stop(visit: Visit, event: HistoryEvent, status: Status): void {
  visit.status = status;
  visit.exitedAt = event.timestamp;
}

function isInside(visit: Visit, outer: Visit): boolean {
  for (let at = visit.parent; at; at = at.parent) if (at === outer) return true;
  return false;
}

function endAttempt(visit: Visit, event: HistoryEvent, error?: string): void {
  const attempt = visit.attempts.at(-1);
  if (attempt && attempt.endedAt === undefined) Object.assign(attempt, { endedAt: event.timestamp, error });
}

function end(event: HistoryEvent, all: Visit[]): void {
  const how = /^Execution(Failed|TimedOut|Aborted)$/.exec(event.type)?.[1];
  if (!how) return;
  const details = detailsOf(event);
  for (const visit of all) {
    if (visit.exitedAt !== undefined) continue;
    if (visit.type === "Fail") fail(visit, event, details);
    else stop(visit, event, how === "Aborted" ? "aborted" : "failed");
  }
}

/** What an event says beside its type: one object, under a key of the type. */
function detailsOf(event: HistoryEvent): any {
  return Object.entries(event).find(([key]) => key.endsWith("EventDetails"))?.[1] ?? {};
}

function functionOf(details: any): string | undefined {
  const name = parse(details.parameters)?.FunctionName;
  for (const text of [name, details.resource]) {
    const found = typeof text === "string" ? FUNCTION.exec(text)?.[1] : undefined;
    if (found) return found;
  }
  return typeof name === "string" ? name : undefined;
}

/** The variables that a pass sees, or that there are where it is none: those of its scope, and of those around it. */
export function variables(all: Visit[], seenBy?: Visit): Variable[] {
  const scopes = seenBy && scopesOf(seenBy);
  const found = new Map<string, Variable>();
  const exits = all.filter((visit) => visit.assigned && visit.exitedAt !== undefined);
  exits.sort((one, other) => one.exitedAt! - other.exitedAt! || one.entered - other.entered);
  for (const by of exits) {
    if (scopes && (!scopes.includes(by.scope) || by.exitedAt! > seenBy.enteredAt || by === seenBy)) continue;
    for (const [name, value] of Object.entries(by.assigned!)) {
      // The same name in two scopes is two variables.
      const key = scopes ? name : `${by.scope}\n${name}`;
      const known = found.get(key);
      const before = known ? [...known.before, { value: known.value, by: known.by }] : [];
      found.set(key, { name, value, by, before });
    }
  }
  return [...found.values()];
}

function scopesOf(visit: Visit): number[] {
  return visit.parent ? [visit.scope, ...scopesOf(visit.parent)] : [visit.scope];
}

/** How many Maps and Parallels a pass lies in. */
export function depth(visit: Visit): number {
  return visit.parent ? 1 + depth(visit.parent) : 0;
}

/** How often a pass was tried again by its retriers: the first attempt of a redrive is none of that. */
export function retries(visit: Visit): number {
  return visit.attempts.length - new Set(visit.attempts.map((attempt) => attempt.redrives)).size;
}

/** The same since the last redrive, as `$states.context.State.RetryCount` tells it. */
export function retryCount(visit: Visit): number {
  const redrives = visit.attempts.at(-1)?.redrives;
  return Math.max(0, visit.attempts.filter((attempt) => attempt.redrives === redrives).length - 1);
}

/** How long a pass took, in seconds; until `now` where it goes on. */
export function took(visit: Visit, now: number): number {
  return Math.max(0, (visit.exitedAt ?? now) - visit.enteredAt);
}
