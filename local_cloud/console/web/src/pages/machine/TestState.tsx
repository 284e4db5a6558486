import { useState } from "preact/hooks";
import { aws } from "../../api";
import { pretty } from "../../format";
import { JsonEditor } from "../../parts/JsonEditor";
import { Badge, Json, Problem } from "../../parts/parts";
import type { State } from "../../types";

interface Answer {
  status: string;
  output?: string;
  error?: string;
  cause?: string;
  nextState?: string;
}

/** Run a single state with an input of one's own, without an execution. */
export function TestState({ name, state, role }: { name: string; state: State; role?: string }) {
  const [input, setInput] = useState("{}");
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const run = () => {
    setError(undefined);
    setBusy(true);
    aws("stepfunctions", "test_state", {
      definition: JSON.stringify(state),
      roleArn: role,
      input,
      inspectionLevel: "INFO",
    })
      .then(setAnswer, setError)
      .finally(() => setBusy(false));
  };
  return (
    <div class="card">
      <h2>Test {name}</h2>
      <JsonEditor value={input} onChange={setInput} label={`Input of ${name}`} />
      <div class="actions">
        <button class="primary" disabled={busy} onClick={run}>
          {busy ? "Running…" : "Run this state"}
        </button>
      </div>
      <Problem error={error} />
      {answer && (
        <>
          <p>
            <Badge status={answer.status} /> {answer.error} {answer.nextState && `next: ${answer.nextState}`}
          </p>
          <Json text={pretty(answer.output ?? answer.cause)} label="the answer" />
        </>
      )}
    </div>
  );
}
