import { useMemo, useState } from "preact/hooks";
import { aws } from "../../api";
import { findState } from "../../asl";
import { date, duration, nameOf, pretty } from "../../format";
import { GraphView } from "../../graph/GraphView";
import { visits } from "../../history";
import { useNow } from "../../parts/loading";
import { Badge, Json, Loading, Problem, Tabs } from "../../parts/parts";
import { link } from "../../router";
import type { ExecutionDetail } from "../../types";
import { Events } from "./Events";
import { StateDetail } from "./StateDetail";
import { StatesTable } from "./StatesTable";
import { Timeline } from "./Timeline";
import { TimeTravel } from "./TimeTravel";
import { useExecution } from "./useExecution";
import { Variables } from "./Variables";
import { Waits } from "./Waits";

const VIEWS = [
  ["states", "States"],
  ["timeline", "Timeline"],
  ["variables", "Variables"],
  ["events", "Events"],
  ["io", "Input and output"],
] as const;

/** One execution: its graph, what each state did, and the way back to any moment of it. */
export function Execution({ arn }: { arn: string }) {
  const { execution, definition, events, problem } = useExecution(arn);
  const [failure, setFailure] = useState<unknown>();
  const [at, setAt] = useState<number>();
  const [selected, setSelected] = useState<string>();
  const [pass, setPass] = useState<number>();
  const [view, setView] = useState("states");
  const last = events.at(-1)?.id ?? 0;
  const upTo = Math.min(at ?? last, last);
  const passes = useMemo(() => visits(events, upTo), [events, upTo]);
  const moment = events[upTo - 1]?.id === upTo ? events[upTo - 1] : events.find((event) => event.id === upTo);
  const running = execution?.status === "RUNNING";
  const clock = useNow(running);
  // In the past a state ran until that moment; now, until now.
  const now = at === undefined && running ? Math.max(clock, moment?.timestamp ?? 0) : (moment?.timestamp ?? 0);
  const select = (name: string, entered?: number) => {
    setSelected(name);
    setPass(entered);
    setView("states");
  };
  const act = (operation: string) =>
    aws("stepfunctions", operation, { executionArn: arn }).then(() => setFailure(undefined), setFailure);
  const travel = (event: number) => setAt(event >= last ? undefined : event);
  return (
    <section>
      <p class="crumbs">
        <a href={link("executions")}>Executions</a> / {nameOf(arn)}
      </p>
      <div class="title">
        <h1>{nameOf(arn)}</h1>
        {execution && <Badge status={execution.status} />}
        <span class="spring" />
        {running && <button onClick={() => act("stop_execution")}>Stop</button>}
        {execution && ["FAILED", "TIMED_OUT", "ABORTED"].includes(execution.status) && (
          <button onClick={() => act("redrive_execution")}>Redrive</button>
        )}
        <a class="button" href={link("traces", arn)}>
          Trace
        </a>
        <a class="button" href={link("models", arn)}>
          Model calls
        </a>
        <a class="button" href={link("executions", arn)}>
          New execution
        </a>
      </div>
      <Problem error={problem ?? failure} />
      {execution && (
        <Summary
          execution={execution}
          current={passes.filter((v) => v.status === "running").map((v) => v.name)}
          now={clock}
        />
      )}
      {running && <Waits arn={arn} key={arn} />}
      <TimeTravel events={events} upTo={upTo} moment={moment} live={at === undefined} onTravel={travel} />
      <div class="columns">
        {definition ? (
          <GraphView
            definition={definition}
            visits={passes}
            selected={selected}
            onSelect={(name) => select(name)}
            follow={running || at !== undefined}
          />
        ) : (
          <Loading what="the definition" />
        )}
        <div class="side">
          <Tabs label="What to show" tabs={VIEWS} shown={view} onShow={setView}>
            {view === "states" && selected && (
              <StateDetail
                name={selected}
                passes={passes.filter((v) => v.name === selected)}
                all={passes}
                state={findState(definition, selected)}
                execution={execution}
                pass={pass}
                now={now}
                onPass={setPass}
                onBack={() => setSelected(undefined)}
              />
            )}
            {view === "states" && !selected && <StatesTable passes={passes} now={now} onSelect={select} />}
            {view === "timeline" && <Timeline passes={passes} now={now} onSelect={select} />}
            {view === "variables" && <Variables passes={passes} onSelect={select} />}
            {view === "events" && <Events events={events} upTo={upTo} onChoose={travel} />}
            {view === "io" && <InputAndOutput execution={execution} />}
          </Tabs>
        </div>
      </div>
    </section>
  );
}

function Summary({ execution, current, now }: { execution: ExecutionDetail; current: string[]; now: number }) {
  return (
    <p class="quiet">
      <a href={link("machine", execution.stateMachineArn)}>{nameOf(execution.stateMachineArn)}</a>
      {` · started ${date(execution.startDate)}`}
      {execution.stopDate
        ? ` · ran ${duration(execution.stopDate - execution.startDate)}`
        : ` · running for ${duration(now - execution.startDate)}`}
      {current.length > 0 && ` · now in ${[...new Set(current)].join(", ")}`}
      {execution.error && <strong class="bad"> · {execution.error}</strong>}
    </p>
  );
}

function InputAndOutput({ execution }: { execution?: ExecutionDetail }) {
  return (
    <>
      <h2>Input</h2>
      <Json text={pretty(execution?.input)} label="the input" />
      <h2>Output</h2>
      {execution?.error ? (
        <div class="problem">
          <strong>{execution.error}</strong>
          {execution.cause && <Json text={pretty(execution.cause)} label="the cause" />}
        </div>
      ) : (
        <Json text={execution?.output === undefined ? undefined : pretty(execution.output)} label="the output" />
      )}
    </>
  );
}
