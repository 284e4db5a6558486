import { duration } from "../../format";
import type { Visit } from "../../history";
import { useLoaded } from "../../parts/loading";
import { link } from "../../router";
import { callsOf } from "../models/ofExecution";

/** The models that were asked in the time of a pass, for its execution. */
export function ModelCalls({ execution, visit }: { execution: string; visit: Visit }) {
  const { enteredAt, exitedAt } = visit;
  const loaded = useLoaded(
    async () => (await callsOf(execution)).filter((call) => call.at >= enteredAt && call.at <= (exitedAt ?? Infinity)),
    [execution, enteredAt, exitedAt],
  );
  if (!loaded.value?.length) return null;
  return (
    <>
      <h3>Models asked</h3>
      <ul class="attempts">
        {loaded.value.map((call) => (
          <li key={call.id}>
            <a href={link("model-call", call.id)}>{call.model}</a>{" "}
            {call.error ?? [...call.tools.map((tool) => `calls ${tool}`), call.says].filter(Boolean).join(", ")}{" "}
            <small class="quiet">
              {call.inputTokens} → {call.outputTokens} tokens
              {call.ms !== null && `, ${duration(call.ms / 1000)}`}
            </small>
          </li>
        ))}
      </ul>
    </>
  );
}
