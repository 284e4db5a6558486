import { useEffect, useMemo, useState } from "preact/hooks";
import { aws } from "../api";
import { GraphView } from "../GraphView";
import { parse, pretty } from "../history";
import { JsonEditor } from "../JsonEditor";
import { Badge, Empty, Json, Problem, useLoaded } from "../parts";

export function StateMachine({ arn }: { arn: string }) {
  const machines = useLoaded(() => aws("stepfunctions", "list_state_machines"));
  const listed: any[] = machines.value?.stateMachines ?? [];
  const chosen = arn || listed[0]?.stateMachineArn;
  if (machines.error) return <Problem error={machines.error} retry={machines.again} />;
  if (!machines.value) return <Empty>Loading…</Empty>;
  if (!chosen) return <Empty>No state machines yet. Run ./local-cloud provision.</Empty>;
  return (
    <section>
      <div class="title">
        <h1>State machine</h1>
        <select aria-label="State machine" value={chosen} onChange={(e) => (location.hash = `#/machine/${encodeURIComponent(e.currentTarget.value)}`)}>
          {listed.map((m) => (
            <option key={m.stateMachineArn} value={m.stateMachineArn}>
              {m.name}
            </option>
          ))}
        </select>
      </div>
      <Definition arn={chosen} key={chosen} />
    </section>
  );
}

function Definition({ arn }: { arn: string }) {
  const loaded = useLoaded(() => aws("stepfunctions", "describe_state_machine", { stateMachineArn: arn }), [arn]);
  const [text, setText] = useState("");
  const [checked, setChecked] = useState<any>();
  const [failure, setFailure] = useState<unknown>();
  const [selected, setSelected] = useState<string>();
  useEffect(() => {
    if (loaded.value) setText(pretty(loaded.value.definition));
  }, [loaded.value]);
  const definition = useMemo(() => parse(text), [text]);
  const [drawn, setDrawn] = useState<any>();
  useEffect(() => {
    if (definition?.States) setDrawn(definition);
  }, [definition]);
  const validate = () => {
    setFailure(undefined);
    aws("stepfunctions", "validate_state_machine_definition", { definition: text }).then(setChecked, (error) => {
      setChecked(undefined);
      setFailure(error);
    });
  };
  const save = () =>
    aws("stepfunctions", "update_state_machine", { stateMachineArn: arn, definition: text }).then(() => {
      setFailure(undefined);
      loaded.again();
    }, setFailure);
  const problems = useMemo(
    () => (checked?.diagnostics ?? []).map((d: any) => ({ line: lineOf(text, d.location), words: `${d.code}: ${d.message}`, severity: d.severity === "ERROR" ? "error" : "warning" })),
    [checked],
  );
  const changed = loaded.value && text !== pretty(loaded.value.definition);
  return (
    <>
      <Problem error={loaded.error ?? failure} />
      <div class="columns">
        <div class="side">
          <JsonEditor value={text} onChange={(found) => { setText(found); setChecked(undefined); }} label="Definition" problems={problems} />
          <div class="actions">
            <button onClick={validate}>Validate</button>
            <button class="primary" disabled={!changed} onClick={save}>
              Save
            </button>
          </div>
          {checked && (
            <div aria-live="polite">
              {problems.length ? (
                <ul class="problem">
                  {problems.map((p: any) => (
                    <li>
                      Line {p.line}: {p.words}
                    </li>
                  ))}
                </ul>
              ) : (
                <p class="fine">The definition is valid.</p>
              )}
            </div>
          )}
          {selected && definition?.States && <TestState name={selected} state={find(definition, selected)} role={loaded.value?.roleArn} key={selected} />}
        </div>
        <div>{drawn ? <GraphView definition={drawn} selected={selected} onSelect={setSelected} /> : <Empty>No graph: the definition is no JSON.</Empty>}</div>
      </div>
    </>
  );
}

/** Where a diagnostic's path (`/States/Name/Next`) stands in the text. */
function lineOf(text: string, location?: string): number {
  let from = 0;
  for (const part of (location ?? "").split("/").filter(Boolean)) {
    const found = text.indexOf(`"${part}"`, from);
    if (found < 0) break;
    from = found;
  }
  return text.slice(0, from).split("\n").length;
}

function find(machine: any, name: string): any {
  for (const [key, state] of Object.entries<any>(machine?.States ?? {})) {
    if (key === name) return state;
    const inner = [...(state.Branches ?? []), state.ItemProcessor, state.Iterator].filter(Boolean);
    for (const one of inner) {
      const found = find(one, name);
      if (found) return found;
    }
  }
}

function TestState({ name, state, role }: { name: string; state: any; role?: string }) {
  const [input, setInput] = useState("{}");
  const [answer, setAnswer] = useState<any>();
  const [error, setError] = useState<unknown>();
  const run = () => {
    setError(undefined);
    aws("stepfunctions", "test_state", { definition: JSON.stringify(state), roleArn: role, input, inspectionLevel: "INFO" }).then(setAnswer, setError);
  };
  return (
    <div class="card">
      <h2>Test {name}</h2>
      <JsonEditor value={input} onChange={setInput} label={`Input of ${name}`} />
      <div class="actions">
        <button class="primary" onClick={run}>
          Run this state
        </button>
      </div>
      <Problem error={error} />
      {answer && (
        <>
          <p>
            <Badge status={answer.status} /> {answer.nextState && `next: ${answer.nextState}`} {answer.error}
          </p>
          <Json text={pretty(answer.output ?? answer.cause)} />
        </>
      )}
    </div>
  );
}
