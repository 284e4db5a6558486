import { useEffect, useMemo, useState } from "preact/hooks";
import { aws } from "../../api";
import { findState } from "../../asl";
import { parse, pretty } from "../../format";
import { GraphView } from "../../graph/GraphView";
import { JsonEditor } from "../../parts/JsonEditor";
import { useLoaded } from "../../parts/loading";
import { MachineSelect } from "../../parts/MachineSelect";
import { Empty, Loading, Problem } from "../../parts/parts";
import { go } from "../../router";
import type { Machine, StateMachineItem } from "../../types";
import type { EditorProblem } from "../../parts/editor";
import { type Diagnostic, placed } from "./diagnostics";
import { TestState } from "./TestState";

/** A state machine's definition beside its graph: edited, validated, tried out. */
export function StateMachine({ arn }: { arn: string }) {
  const machines = useLoaded<StateMachineItem[]>(() =>
    aws("stepfunctions", "list_state_machines").then((found) => found.stateMachines),
  );
  const listed = machines.value ?? [];
  const chosen = arn || (listed.find((m) => m.name === "agent-workflow") ?? listed[0])?.stateMachineArn;
  return (
    <section>
      <div class="title">
        <h1>State machine</h1>
        {chosen && (
          <MachineSelect
            machines={listed}
            value={chosen}
            onChoose={(choice) => go("machine", choice)}
            label="State machine"
          />
        )}
      </div>
      <Problem error={machines.error} retry={machines.again} />
      {!machines.value && !machines.error && <Loading what="state machines" />}
      {machines.value && !chosen && <Empty>No state machines yet. Run ./local-cloud provision.</Empty>}
      {chosen && <Definition arn={chosen} key={chosen} />}
    </section>
  );
}

function Definition({ arn }: { arn: string }) {
  const loaded = useLoaded(() => aws("stepfunctions", "describe_state_machine", { stateMachineArn: arn }), [arn]);
  const [text, setText] = useState("");
  const [checked, setChecked] = useState<EditorProblem[]>();
  const [failure, setFailure] = useState<unknown>();
  const [saved, setSaved] = useState(false);
  const [selected, setSelected] = useState<string>();
  const original = loaded.value && pretty(loaded.value.definition);
  useEffect(() => {
    if (original !== undefined) setText(original);
  }, [original]);
  // While the text is no JSON, the graph stays as it was.
  const [machine, setMachine] = useState<Machine>();
  useEffect(() => {
    const found = parse(text);
    if (found?.States) setMachine(found);
  }, [text]);
  const edit = (now: string) => {
    setText(now);
    setChecked(undefined);
    setSaved(false);
  };
  const validate = () =>
    aws("stepfunctions", "validate_state_machine_definition", { definition: text, severity: "WARNING" }).then(
      (found) => {
        placed(text, found.diagnostics as Diagnostic[]).then(setChecked);
        setFailure(undefined);
      },
      setFailure,
    );
  const save = () =>
    aws("stepfunctions", "update_state_machine", { stateMachineArn: arn, definition: text }).then(() => {
      setFailure(undefined);
      setSaved(true);
      loaded.again();
    }, setFailure);
  const state = useMemo(() => (selected ? findState(machine, selected) : undefined), [machine, selected]);
  return (
    <>
      <Problem error={loaded.error ?? failure} />
      <div class="columns">
        <div class="side">
          <JsonEditor value={text} onChange={edit} label="Definition" problems={checked} asl />
          <div class="actions">
            <button onClick={validate}>Validate</button>
            <button class="primary" disabled={original === undefined || text === original} onClick={save}>
              Save
            </button>
            {saved && <span class="fine">Saved. Executions that begin from now on run it.</span>}
          </div>
          {checked && <Checked problems={checked} />}
          {selected && state ? (
            <TestState name={selected} state={state} role={loaded.value?.roleArn} key={selected} />
          ) : (
            <p class="quiet">Choose a state in the graph to test it on its own.</p>
          )}
        </div>
        {machine ? (
          <GraphView definition={machine} selected={selected} onSelect={setSelected} />
        ) : (
          <Loading what="the definition" />
        )}
      </div>
    </>
  );
}

function Checked({ problems }: { problems: EditorProblem[] }) {
  if (!problems.length) {
    return (
      <p class="fine" role="status">
        The definition is valid.
      </p>
    );
  }
  return (
    <ul class="problem" role="alert">
      {problems.map((problem) => (
        <li key={problem.line + problem.words}>
          Line {problem.line}: {problem.words}
        </li>
      ))}
    </ul>
  );
}
