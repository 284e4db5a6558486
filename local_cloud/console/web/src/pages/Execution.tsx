import { useEffect, useMemo, useState } from "preact/hooks";
import { aws, watch } from "../api";
import { GraphView } from "../GraphView";
import { clock, duration, type HistoryEvent, parse, pretty, type Visit, visits } from "../history";
import { Badge, Empty, Json, Problem } from "../parts";

const ROWS = 200;

export function Execution({ arn }: { arn: string }) {
  const [execution, setExecution] = useState<any>();
  const [definition, setDefinition] = useState<any>();
  const [events, setEvents] = useState<HistoryEvent[]>([]);
  const [problem, setProblem] = useState<string>();
  const [failure, setFailure] = useState<unknown>();
  const [at, setAt] = useState<number>();
  const [selected, setSelected] = useState<string>();
  const [view, setView] = useState("detail");
  useEffect(() => {
    setEvents([]);
    return watch(`?execution=${encodeURIComponent(arn)}`, {
      execution: (found) => {
        setExecution(found);
        setProblem(undefined);
      },
      // A connection that was lost begins again from the first event.
      history: (found: HistoryEvent[]) => setEvents((before) => (found[0]?.id === 1 ? found : [...before, ...found])),
      problem: ({ error }) => setProblem(error),
      down: () => setProblem("The console does not answer. It is asked again."),
    });
  }, [arn]);
  useEffect(() => {
    aws("stepfunctions", "describe_state_machine_for_execution", { executionArn: arn }).then(
      (found) => setDefinition(parse(found.definition)),
      setFailure,
    );
  }, [arn]);
  const last = events.at(-1)?.id ?? 0;
  const upTo = at ?? last;
  const passes = useMemo(() => visits(events, upTo), [events, upTo]);
  const act = (operation: string) => aws("stepfunctions", operation, { executionArn: arn }).then(() => setFailure(undefined), setFailure);
  const status: string = execution?.status ?? "";
  const current = passes.filter((visit) => visit.status === "running").map((visit) => visit.name);
  const moment = events.find((event) => event.id === upTo);
  return (
    <section>
      <p class="crumbs">
        <a href="#/executions">Executions</a> / {arn.split(":").pop()}
      </p>
      <div class="title">
        <h1>{arn.split(":").pop()}</h1>
        {status && <Badge status={status} />}
        <span class="spring" />
        {status === "RUNNING" && <button onClick={() => act("stop_execution")}>Stop</button>}
        {["FAILED", "TIMED_OUT", "ABORTED"].includes(status) && <button onClick={() => act("redrive_execution")}>Redrive</button>}
      </div>
      <Problem error={problem ?? failure} />
      {execution && (
        <p class="quiet">
          Started {new Date(execution.startDate * 1000).toLocaleString()}
          {execution.stopDate && `, ran ${duration(execution.stopDate - execution.startDate)}`}
          {current.length > 0 && ` · now in ${[...new Set(current)].join(", ")}`}
          {execution.error && ` · ${execution.error}`}
        </p>
      )}
      <div class="travel">
        <label for="travel">Time travel</label>
        <input
          id="travel"
          type="range"
          min={1}
          max={Math.max(1, last)}
          value={upTo}
          aria-valuetext={moment ? `event ${upTo} of ${last}, ${moment.type}` : undefined}
          onInput={(e) => setAt(Number(e.currentTarget.value) === last ? undefined : Number(e.currentTarget.value))}
        />
        <output>
          {upTo} of {last}
          {moment && ` · ${moment.type} · ${clock(moment.timestamp)}`}
        </output>
        <button disabled={at === undefined} onClick={() => setAt(undefined)}>
          Live
        </button>
      </div>
      <div class="columns">
        {definition ? (
          <GraphView definition={definition} visits={passes} selected={selected} onSelect={(name) => { setSelected(name); setView("detail"); }} />
        ) : (
          <Empty>Loading the definition…</Empty>
        )}
        <div class="side">
          <div class="tabs" role="tablist">
            {[["detail", "State"], ["timeline", "Timeline"], ["events", "Events"], ["io", "Input and output"]].map(([name, title]) => (
              <button key={name} role="tab" aria-selected={view === name} onClick={() => setView(name!)}>
                {title}
              </button>
            ))}
          </div>
          {view === "detail" && (selected ? <Detail name={selected} passes={passes.filter((v) => v.name === selected)} /> : <Empty>Choose a state in the graph to see what it did.</Empty>)}
          {view === "timeline" && <Timeline passes={passes} now={moment?.timestamp ?? 0} onSelect={(name) => { setSelected(name); setView("detail"); }} />}
          {view === "events" && <Events events={events} upTo={upTo} onChoose={(id) => setAt(id === last ? undefined : id)} />}
          {view === "io" && (
            <>
              <h2>Input</h2>
              <Json text={pretty(execution?.input)} />
              <h2>Output</h2>
              <Json text={execution?.output ? pretty(execution.output) : execution?.cause ? `${execution.error}: ${execution.cause}` : undefined} />
            </>
          )}
        </div>
      </div>
    </section>
  );
}

function Detail({ name, passes }: { name: string; passes: Visit[] }) {
  const [number, setNumber] = useState<number>();
  const visit = passes[number ?? passes.length - 1];
  useEffect(() => setNumber(undefined), [name]);
  if (!visit) return <Empty>{name} has not been entered so far.</Empty>;
  return (
    <>
      <h2>
        {name} <Badge status={visit.status} />
      </h2>
      {passes.length > 1 && (
        <label class="inline">
          Pass
          <select value={number ?? passes.length - 1} onChange={(e) => setNumber(Number(e.currentTarget.value))}>
            {passes.map((_, n) => (
              <option key={n} value={n}>
                {n + 1} of {passes.length}
              </option>
            ))}
          </select>
        </label>
      )}
      <dl>
        <dt>Type</dt>
        <dd>{visit.type}</dd>
        <dt>Duration</dt>
        <dd>{visit.exitedAt ? duration(visit.exitedAt - visit.enteredAt) : "—"}</dd>
        <dt>Retries</dt>
        <dd>{visit.retries}</dd>
        {visit.resource && (
          <>
            <dt>Resource</dt>
            <dd>{visit.resource}</dd>
          </>
        )}
      </dl>
      {visit.error && (
        <div class="problem">
          <strong>{visit.error}</strong>
          <pre tabIndex={0}>{pretty(visit.cause)}</pre>
        </div>
      )}
      <h3>Input</h3>
      <Json text={pretty(visit.input)} />
      <h3>Output</h3>
      <Json text={visit.output === undefined ? undefined : pretty(visit.output)} />
      {visit.requestId && visit.resource && <Logs name={visit.resource} requestId={visit.requestId} />}
    </>
  );
}

function Logs({ name, requestId }: { name: string; requestId: string }) {
  const [lines, setLines] = useState<string[]>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setLines(undefined);
    aws("logs", "filter_log_events", { logGroupName: `/aws/lambda/${name}`, filterPattern: `"${requestId}"` }).then(
      (found) => setLines(found.events.map((event: any) => event.message)),
      setError,
    );
  }, [name, requestId]);
  return (
    <>
      <h3>Log of {name}</h3>
      {error ? <p class="quiet">{(error as Error).message}</p> : <Json text={lines ? lines.join("\n") || "No lines for this invocation." : "Loading…"} />}
    </>
  );
}

function Timeline({ passes, now, onSelect }: { passes: Visit[]; now: number; onSelect: (name: string) => void }) {
  const first = passes[0]?.enteredAt ?? 0;
  const end = Math.max(now, ...passes.slice(-500).map((visit) => visit.exitedAt ?? now));
  const span = Math.max(0.001, end - first);
  const shown = passes.slice(0, ROWS);
  if (!passes.length) return <Empty>Nothing has run so far.</Empty>;
  return (
    <div class="timeline">
      {shown.map((visit) => (
        <button key={visit.entered} class="bar-row" onClick={() => onSelect(visit.name)}>
          <span class="bar-name">{visit.name}</span>
          <span class="bar-track">
            <span
              class={`bar ${visit.status}`}
              style={{ left: `${((visit.enteredAt - first) / span) * 100}%`, width: `${Math.max(0.4, (((visit.exitedAt ?? end) - visit.enteredAt) / span) * 100)}%` }}
            />
          </span>
          <span class="bar-time">{duration((visit.exitedAt ?? end) - visit.enteredAt)}</span>
        </button>
      ))}
      {passes.length > ROWS && <p class="quiet">The first {ROWS} of {passes.length} passes.</p>}
    </div>
  );
}

function Events({ events, upTo, onChoose }: { events: HistoryEvent[]; upTo: number; onChoose: (id: number) => void }) {
  const [open, setOpen] = useState<number>();
  // The rows around the chosen event: thousands of them would make the page slow.
  const index = Math.max(0, events.findIndex((event) => event.id === upTo));
  const start = Math.max(0, Math.min(index - ROWS / 2, events.length - ROWS));
  return (
    <div class="scroll tall" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>Id</th>
            <th>Type</th>
            <th>Time</th>
          </tr>
        </thead>
        <tbody>
          {events.slice(start, start + ROWS).map((event) => (
            <>
              <tr key={event.id} class={event.id === upTo ? "chosen" : event.id > upTo ? "future" : ""}>
                <td>{event.id}</td>
                <td>
                  <button class="link" aria-expanded={open === event.id} onClick={() => { setOpen(open === event.id ? undefined : event.id); onChoose(event.id); }}>
                    {event.type}
                  </button>
                </td>
                <td>{clock(event.timestamp)}</td>
              </tr>
              {open === event.id && (
                <tr>
                  <td colSpan={3}>
                    <Json text={JSON.stringify(event, null, 2)} />
                  </td>
                </tr>
              )}
            </>
          ))}
        </tbody>
      </table>
    </div>
  );
}
