/** The JSONata of a state, and the data that its expressions see in one of its passes. */

import { workflows } from "./api";
import { parse } from "./format";
import { retryCount, variables, type Visit } from "./history";
import type { ExecutionDetail, State } from "./types";

export interface Expression {
  /** Its place in the state, such as `Arguments/Payload/n`. */
  field: string;
  text: string;
}

/** What an expression gives: a value, or why there is none. */
export interface Value {
  value?: unknown;
  error?: string;
}

const INSIDE = ["Branches", "ItemProcessor", "Iterator"];

/** The expressions that a state has, without those of the states inside. */
export function expressions(state: State): Expression[] {
  const found: Expression[] = [];
  const walk = (value: unknown, field: string) => {
    if (typeof value === "string") {
      const text = /^\{%([\s\S]*)%\}$/.exec(value)?.[1];
      if (text !== undefined) found.push({ field, text: text.trim() });
    } else if (Array.isArray(value)) value.forEach((one, number) => walk(one, `${field}[${number}]`));
    else if (value && typeof value === "object")
      for (const [key, one] of Object.entries(value)) walk(one, field ? `${field}/${key}` : key);
  };
  for (const [key, value] of Object.entries(state)) if (!INSIDE.includes(key)) walk(value, key);
  return found;
}

/** The data of a pass: `$states` and the variables, as they were when it was entered. */
export function dataOf(visit: Visit, all: Visit[], execution?: ExecutionDetail) {
  const states: Record<string, unknown> = { input: parse(visit.input), context: contextOf(visit, execution) };
  if (visit.result !== undefined) states["result"] = parse(visit.result);
  if (visit.error !== undefined) states["errorOutput"] = { Error: visit.error, Cause: visit.cause ?? "" };
  const seen = variables(all, visit).map(({ name, value }) => [name, parse(value)] as const);
  return { states, variables: Object.fromEntries(seen) };
}

function contextOf(visit: Visit, execution?: ExecutionDetail) {
  const time = (seconds: number) => new Date(seconds * 1000).toISOString();
  const machine = execution?.stateMachineArn ?? "";
  return {
    Execution: {
      Id: execution?.executionArn,
      Input: parse(execution?.input),
      Name: execution?.name,
      StartTime: execution && time(execution.startDate),
    },
    State: { Name: visit.name, EnteredTime: time(visit.enteredAt), RetryCount: retryCount(visit) },
    StateMachine: { Id: machine, Name: machine.split(":").pop() },
    ...(visit.iteration === undefined ? {} : { Map: { Item: { Index: visit.iteration } } }),
  };
}

export async function evaluate(expression: string, data: object): Promise<Value> {
  try {
    return await workflows("evaluate", { expression, ...data });
  } catch (failure) {
    return { error: (failure as Error).message };
  }
}
