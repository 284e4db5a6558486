import { clock, duration, parse, pretty } from "../../format";
import { retries, took, type Visit } from "../../history";
import { Badge, Empty, Json } from "../../parts/parts";
import { link } from "../../router";
import type { ExecutionDetail, State } from "../../types";
import { Expressions } from "./Expressions";
import { FunctionLog } from "./FunctionLog";
import { MapRun } from "./MapRun";
import { ModelCalls } from "./ModelCalls";

interface Props {
  name: string;
  passes: Visit[];
  /** The passes of all states. */
  all: Visit[];
  /** Its definition. */
  state?: State;
  execution?: ExecutionDetail;
  /** The pass to show, by the event that entered it; the latest if there is none. */
  pass?: number;
  now: number;
  onPass: (entered?: number) => void;
  onBack: () => void;
}

/** What one state did in one of its passes. */
export function StateDetail({ name, passes, all, state, execution, pass, now, onPass, onBack }: Props) {
  const chosen = passes.findIndex((visit) => visit.entered === pass);
  const index = chosen < 0 ? passes.length - 1 : chosen;
  const visit = passes[index];
  return (
    <>
      <div class="title">
        <button class="link" onClick={onBack}>
          ‹ All states
        </button>
        <span class="spring" />
        {passes.length > 1 && <Passes passes={passes} index={index} onPass={onPass} />}
      </div>
      <h2>
        {name} {visit && <Badge status={visit.status} />}
      </h2>
      {visit ? (
        <Pass visit={visit} now={now} all={all} state={state} execution={execution} />
      ) : (
        <Empty>{name} has not been entered so far.</Empty>
      )}
    </>
  );
}

function Passes({ passes, index, onPass }: { passes: Visit[]; index: number; onPass: (entered?: number) => void }) {
  const to = (n: number) => onPass(n === passes.length - 1 ? undefined : passes[n]!.entered);
  return (
    <span class="passes">
      <button aria-label="Earlier pass" disabled={index === 0} onClick={() => to(index - 1)}>
        ‹
      </button>
      <label class="inline">
        Pass
        <select value={index} onChange={(e) => to(Number(e.currentTarget.value))}>
          {passes.map((visit, n) => (
            <option key={visit.entered} value={n}>
              {n + 1} of {passes.length}
              {visit.iteration === undefined ? "" : ` (item ${visit.iteration})`}
            </option>
          ))}
        </select>
      </label>
      <button aria-label="Later pass" disabled={index === passes.length - 1} onClick={() => to(index + 1)}>
        ›
      </button>
    </span>
  );
}

type PassProps = Pick<Props, "all" | "state" | "execution" | "now"> & { visit: Visit };

function Pass({ visit, now, all, state, execution }: PassProps) {
  const end = visit.exitedAt ?? now;
  return (
    <>
      <dl>
        <dt>Type</dt>
        <dd>{visit.type}</dd>
        <dt>Entered</dt>
        <dd>
          {clock(visit.enteredAt)}, took {duration(took(visit, now))}
          {visit.exitedAt === undefined && " so far"}
        </dd>
        {visit.iteration !== undefined && (
          <>
            <dt>Item</dt>
            <dd>
              {visit.iteration} of {visit.parent?.name ?? "the Map"}
            </dd>
          </>
        )}
        {visit.resource && (
          <>
            <dt>Resource</dt>
            <dd>{visit.resource}</dd>
            <dt>Retries</dt>
            <dd>{retries(visit)}</dd>
          </>
        )}
      </dl>
      {visit.attempts.length > 1 && (
        <ol class="attempts">
          {visit.attempts.map((attempt, n) => (
            <li key={attempt.at} class={attempt.error ? "bad" : ""}>
              Try {n + 1}: {clock(attempt.at)}, {duration((attempt.endedAt ?? end) - attempt.at)}
              {attempt.error ? ` · ${attempt.error}` : attempt.endedAt ? " · succeeded" : " · running"}
            </li>
          ))}
        </ol>
      )}
      {visit.error && (
        <div class="problem">
          <strong>{visit.error}</strong>
          {visit.cause && <Json text={pretty(visit.cause)} label="the cause" />}
        </div>
      )}
      {visit.mapRun && <MapRun arn={visit.mapRun} ended={visit.exitedAt !== undefined} key={visit.mapRun} />}
      <div class="title">
        <h3>Input</h3>
        <span class="spring" />
        {execution && visit.parent === undefined && (
          <a
            class="button"
            href={link("executions", execution.executionArn, String(visit.entered))}
            title="Start an execution that begins here, with another input"
          >
            From here, with…
          </a>
        )}
      </div>
      <Json text={visit.input === undefined ? undefined : pretty(visit.input)} label="the input" />
      <h3>Output</h3>
      <Json text={visit.output === undefined ? undefined : pretty(visit.output)} label="the output" />
      {visit.assigned && (
        <>
          <h3>Assigned variables</h3>
          <Json text={pretty(JSON.stringify(told(visit.assigned)))} label="the variables" />
        </>
      )}
      <Expressions visit={visit} all={all} state={state} execution={execution} />
      {visit.isFunction && execution && <ModelCalls execution={execution.executionArn} visit={visit} />}
      {visit.isFunction && visit.resource && <FunctionLog name={visit.resource} visit={visit} />}
    </>
  );
}

function told(assigned: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(assigned).map(([name, value]) => [`$${name}`, parse(value)]));
}
