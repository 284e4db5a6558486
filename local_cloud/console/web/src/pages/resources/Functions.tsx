import { useState } from "preact/hooks";
import { aws, get } from "../../api";
import { duration, pretty } from "../../format";
import { JsonEditor } from "../../parts/JsonEditor";
import { useLoaded } from "../../parts/loading";
import { Badge, Json, Problem } from "../../parts/parts";
import { link } from "../../router";
import { Listed } from "./Listed";

interface Configuration {
  FunctionName: string;
  Runtime?: string;
  MemorySize?: number;
  Timeout?: number;
}

export function Functions({ name }: { name: string }) {
  const loaded = useLoaded<Configuration[]>(() => aws("lambda", "list_functions").then((found) => found.Functions));
  const names = { ...loaded, value: loaded.value?.map((found) => found.FunctionName) };
  const chosen = loaded.value?.find((found) => found.FunctionName === name);
  return (
    <Listed
      kind="functions"
      loaded={names}
      chosen={name}
      none="No functions: the Lambda endpoint does not answer."
      choose="Choose a function to invoke it."
    >
      <div class="title">
        <h2>{name}</h2>
        <span class="quiet">
          {chosen &&
            [
              chosen.Runtime,
              chosen.MemorySize && `${chosen.MemorySize} MB`,
              chosen.Timeout && `${chosen.Timeout} s at most`,
            ]
              .filter(Boolean)
              .join(" · ")}
        </span>
        <span class="spring" />
        <a href={link("resources", "logs", `/aws/lambda/${name}`)}>Its log</a>
      </div>
      <Invoke name={name} key={name} />
    </Listed>
  );
}

interface Answer {
  Payload: string;
  FunctionError?: string;
  LogResult?: string;
  seconds: number;
}

function Invoke({ name }: { name: string }) {
  const [payload, setPayload] = useState("{}");
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const saved = useLoaded(() => get(`/api/inputs/functions/${encodeURIComponent(name)}`));
  const inputs: Record<string, unknown> = saved.value?.inputs ?? {};
  const invoke = () => {
    const began = performance.now();
    setBusy(true);
    setError(undefined);
    aws("lambda", "invoke", { FunctionName: name, Payload: payload, LogType: "Tail" })
      .then((found) => setAnswer({ ...found, seconds: (performance.now() - began) / 1000 }), setError)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <JsonEditor value={payload} onChange={setPayload} label="Payload" />
      <div class="actions">
        <button class="primary" disabled={busy} onClick={invoke}>
          {busy ? "Running…" : "Invoke"}
        </button>
        {Object.keys(inputs).length > 0 && (
          <label class="inline">
            Saved payload
            <select
              value=""
              onChange={(e) =>
                e.currentTarget.value && setPayload(JSON.stringify(inputs[e.currentTarget.value], null, 2))
              }
            >
              <option value="">Choose…</option>
              {Object.keys(inputs).map((key) => (
                <option key={key}>{key}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Problem error={error ?? saved.error ?? saved.value?.problems.join("; ")} />
      {answer && (
        <div class="card">
          <h3>
            <Badge status={answer.FunctionError ? "FAILED" : "SUCCEEDED"} />{" "}
            {answer.FunctionError && `${answer.FunctionError} · `}
            {duration(answer.seconds)}
          </h3>
          <Json text={pretty(answer.Payload)} label="the answer" />
          {answer.LogResult && (
            <>
              <h3>Log</h3>
              <Json
                text={new TextDecoder().decode(Uint8Array.from(atob(answer.LogResult), (c) => c.charCodeAt(0)))}
                label="the log"
              />
            </>
          )}
        </div>
      )}
    </>
  );
}
