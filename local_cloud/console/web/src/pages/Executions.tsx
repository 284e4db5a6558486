import { useEffect, useMemo, useState } from "preact/hooks";
import { aws, get, watch } from "../api";
import { duration } from "../history";
import { JsonEditor } from "../JsonEditor";
import { Badge, Empty, Problem, useLoaded } from "../parts";

const STATUSES = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];
const PAGE = 100;

export function Executions() {
  const [lists, setLists] = useState<any>();
  const [problem, setProblem] = useState<string>();
  const [status, setStatus] = useState("");
  const [machine, setMachine] = useState("");
  const [starting, setStarting] = useState(false);
  const [count, setCount] = useState(PAGE);
  useEffect(
    () =>
      watch("", {
        executions: (found) => {
          setLists(found);
          setProblem(undefined);
        },
        problem: ({ error }) => setProblem(error),
        down: () => setProblem("The console does not answer. It is asked again."),
      }),
    [],
  );
  const shown = useMemo(() => {
    const all: any[] = lists?.executions ?? [];
    return all
      .filter((e) => (!status || e.status === status) && (!machine || e.stateMachineArn === machine))
      .sort((a, b) => b.startDate - a.startDate);
  }, [lists, status, machine]);
  const machines: any[] = lists?.stateMachines ?? [];
  return (
    <section>
      <div class="title">
        <h1>Executions</h1>
        <button class="primary" disabled={!machines.length} onClick={() => setStarting(!starting)} aria-expanded={starting}>
          Start execution
        </button>
      </div>
      <Problem error={problem} />
      {starting && <Start machines={machines} done={() => setStarting(false)} />}
      <div class="filters">
        <label>
          Status
          <select value={status} onChange={(e) => setStatus(e.currentTarget.value)}>
            <option value="">All</option>
            {STATUSES.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
        <label>
          State machine
          <select value={machine} onChange={(e) => setMachine(e.currentTarget.value)}>
            <option value="">All</option>
            {machines.map((m) => (
              <option key={m.stateMachineArn} value={m.stateMachineArn}>
                {m.name}
              </option>
            ))}
          </select>
        </label>
        <span class="quiet" aria-live="polite">
          {lists ? `${shown.length} executions` : "Loading…"}
        </span>
      </div>
      {lists && !shown.length ? (
        <Empty>
          No executions{status || machine ? " that fit the filter" : " yet"}. Start one above, or ask the agent on the <a href="#/chat">chat page</a>.
        </Empty>
      ) : (
        <div class="scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Status</th>
                <th>Started</th>
                <th>Duration</th>
                <th>State machine</th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, count).map((e) => (
                <tr key={e.executionArn}>
                  <td>
                    <a href={`#/execution/${encodeURIComponent(e.executionArn)}`}>{e.name}</a>
                  </td>
                  <td>
                    <Badge status={e.status} />
                  </td>
                  <td>{new Date(e.startDate * 1000).toLocaleString()}</td>
                  <td>{e.stopDate ? duration(e.stopDate - e.startDate) : "—"}</td>
                  <td>{e.stateMachineArn.split(":").pop()}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length > count && <button onClick={() => setCount(count + PAGE)}>Show more</button>}
    </section>
  );
}

function Start({ machines, done }: { machines: any[]; done: () => void }) {
  const [machine, setMachine] = useState(machines[0]?.stateMachineArn ?? "");
  const [name, setName] = useState("");
  const [input, setInput] = useState("{}");
  const [error, setError] = useState<unknown>();
  const saved = useLoaded(() => get("/api/inputs"));
  const start = async (event: Event) => {
    event.preventDefault();
    try {
      JSON.parse(input);
    } catch (wrong) {
      setError(new Error(`The input is no JSON: ${(wrong as Error).message}`));
      return;
    }
    try {
      const made = await aws("stepfunctions", "start_execution", { stateMachineArn: machine, input, ...(name ? { name } : {}) });
      done();
      location.hash = `#/execution/${encodeURIComponent(made.executionArn)}`;
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <form class="card" onSubmit={start} aria-label="Start execution">
      <div class="filters">
        <label>
          State machine
          <select value={machine} onChange={(e) => setMachine(e.currentTarget.value)}>
            {machines.map((m) => (
              <option key={m.stateMachineArn} value={m.stateMachineArn}>
                {m.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Name (optional)
          <input value={name} onInput={(e) => setName(e.currentTarget.value)} pattern="[A-Za-z0-9_-]{1,80}" />
        </label>
        <label>
          Saved input
          <select onChange={(e) => e.currentTarget.value && setInput(JSON.stringify(saved.value.inputs[e.currentTarget.value], null, 2))}>
            <option value="">Choose…</option>
            {Object.keys(saved.value?.inputs ?? {}).map((key) => (
              <option key={key}>{key}</option>
            ))}
          </select>
        </label>
      </div>
      <JsonEditor value={input} onChange={setInput} label="Input" />
      <Problem error={error} />
      <div class="actions">
        <button class="primary" type="submit">
          Start
        </button>
        <button type="button" onClick={done}>
          Cancel
        </button>
      </div>
    </form>
  );
}
