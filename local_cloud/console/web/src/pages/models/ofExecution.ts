import { get } from "../../api";
import type { TraceItem } from "../traces/spans";
import type { ModelCallItem } from "./calls";

/** The calls of models, the newest first; those `of` an execution, if one is named. */
export async function callsOf(execution?: string): Promise<ModelCallItem[]> {
  const calls: ModelCallItem[] = (await get("/api/models")).calls;
  if (!execution) return calls;
  const traces: TraceItem[] = (await get("/api/traces")).traces;
  const its = new Set(traces.filter((one) => one.executions.includes(execution)).map((one) => one.trace));
  return calls.filter((call) => call.trace !== null && its.has(call.trace));
}
