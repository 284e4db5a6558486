import { useEffect, useState } from "preact/hooks";
import { aws, get } from "../../api";
import { ago, nameOf, pretty } from "../../format";
import { JsonEditor } from "../../parts/JsonEditor";
import { useLoaded } from "../../parts/loading";
import { MachineSelect } from "../../parts/MachineSelect";
import { Problem } from "../../parts/parts";
import { go } from "../../router";
import type { ExecutionItem, HistoryEvent, StateMachineItem } from "../../types";

const EARLIER = 10;

interface Props {
  machines: StateMachineItem[];
  executions: ExecutionItem[];
  /** An execution whose state machine and input this one begins with; empty for none. */
  like: string;
  /** The event of that execution by which the state was entered that this one begins at; empty for none. */
  from: string;
  done: () => void;
}

/** The form that starts an execution: with an input of one's own, a saved one, or an earlier one's. */
export function StartExecution({ machines, executions, like, from, done }: Props) {
  const [state, setState] = useState<string>();
  const model = executions.find((e) => e.executionArn === like);
  const [machine, setMachine] = useState(model?.stateMachineArn ?? machines[0]!.stateMachineArn);
  const [name, setName] = useState("");
  const [input, setInput] = useState("{}");
  const [scale, setScale] = useState("");
  const [error, setError] = useState<unknown>();
  const machineName = machines.find((m) => m.stateMachineArn === machine)?.name ?? "";
  const saved = useLoaded(() => get(`/api/inputs/state-machines/${encodeURIComponent(machineName)}`), [machineName]);
  const earlier = executions.filter((e) => e.stateMachineArn === machine).slice(0, EARLIER);
  const take = (choice: string) => {
    if (!choice) return;
    if (choice.startsWith("arn:")) {
      aws("stepfunctions", "describe_execution", { executionArn: choice }).then(
        (found) => setInput(pretty(found.input)),
        setError,
      );
    } else {
      setInput(JSON.stringify(saved.value.inputs[choice], null, 2));
    }
  };
  useEffect(() => {
    if (!from) return take(like);
    enteredBy(like, Number(from)).then((entered) => {
      setState(entered.name);
      setInput(pretty(entered.input));
    }, setError);
  }, [like, from]);
  const start = async (event: Event) => {
    event.preventDefault();
    try {
      JSON.parse(input);
    } catch (wrong) {
      setError(new Error(`The input is no JSON: ${(wrong as Error).message}`));
      return;
    }
    try {
      const made = await aws(
        "stepfunctions",
        "start_execution",
        { stateMachineArn: machine, input, ...(name ? { name } : {}) },
        {
          ...(scale ? { "X-Local-Cloud-Time-Scale": scale } : {}),
          ...(from ? { "X-Local-Cloud-Play-On-From": `${like}/${from}` } : {}),
        },
      );
      done();
      go("execution", made.executionArn);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <form class="card" onSubmit={start} aria-label="Start execution">
      {state && (
        <p>
          It begins at <strong>{state}</strong>, where <code>{nameOf(like)}</code> was, with the variables that there
          were.
        </p>
      )}
      <div class="filters">
        <label>
          State machine
          <MachineSelect machines={machines} value={machine} onChoose={setMachine} />
        </label>
        <label>
          Name (optional)
          <input
            value={name}
            onInput={(e) => setName(e.currentTarget.value)}
            pattern="[A-Za-z0-9_\-]{1,80}"
            title="1 to 80 letters, digits, dashes"
          />
        </label>
        <label>
          Time scale (optional)
          <input
            type="number"
            min="0.001"
            max="1000000"
            step="any"
            placeholder="1"
            value={scale}
            onInput={(e) => setScale(e.currentTarget.value)}
            title="How much faster its waits and time-outs pass: 3600 has an hour pass in a second"
          />
        </label>
        <label>
          Input from
          <select value="" onChange={(e) => take(e.currentTarget.value)}>
            <option value="">Choose…</option>
            <optgroup label="Saved inputs">
              {Object.keys(saved.value?.inputs ?? {}).map((key) => (
                <option key={key}>{key}</option>
              ))}
            </optgroup>
            <optgroup label="Earlier executions">
              {earlier.map((e) => (
                <option key={e.executionArn} value={e.executionArn}>
                  {e.name} · {e.status.toLowerCase()} · {ago(e.startDate)}
                </option>
              ))}
            </optgroup>
          </select>
        </label>
      </div>
      <JsonEditor value={input} onChange={setInput} label="Input" />
      <Problem error={error ?? saved.error ?? saved.value?.problems.join("; ")} />
      <p class="quiet">
        Inputs are saved as files: <code>config/test-data/inputs/state-machines/{machineName}/NAME.json</code>
      </p>
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

/** The state that an event of an execution entered, and its input. */
async function enteredBy(executionArn: string, id: number): Promise<{ name: string; input: string }> {
  for (let nextToken: string | undefined; ; ) {
    const page = await aws("stepfunctions", "get_execution_history", {
      executionArn,
      maxResults: 1000,
      ...(nextToken ? { nextToken } : {}),
    });
    const event = (page.events as HistoryEvent[]).find((e) => e.id === id);
    if (event?.stateEnteredEventDetails) return event.stateEnteredEventDetails;
    nextToken = page.nextToken;
    if (event || !nextToken) throw new Error(`No state was entered by event ${id} of ${nameOf(executionArn)}.`);
  }
}
