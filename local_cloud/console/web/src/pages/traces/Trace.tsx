import { useState } from "preact/hooks";
import { get } from "../../api";
import { clock, date, duration, nameOf, number, pretty } from "../../format";
import { usePolled } from "../../parts/loading";
import { Badge, Json, Loading, Problem, Tabs } from "../../parts/parts";
import { link } from "../../router";
import { FunctionLog } from "../execution/FunctionLog";
import { type Span, titleOf, type TraceDetail, visible, writes } from "./spans";

const PAUSE_MILLISECONDS = 1000;
const ROWS = 1000;
const VIEWS = [
  ["span", "Span"],
  ["writes", "What it wrote"],
] as const;
/** Details that have a place of their own. */
const SHOWN = new Set(
  "trace id parent kind name start end depth error request response answers answered_by execution errors denied".split(
    " ",
  ),
);

/** All that one message caused, on a line of time. */
export function Trace({ name }: { name: string }) {
  const [trace, setTrace] = useState<TraceDetail>();
  const [selected, setSelected] = useState<string>();
  const [view, setView] = useState("span");
  const error = usePolled(
    async () => {
      const found = await get(`/api/traces/${encodeURIComponent(name)}`);
      // What does not change is not drawn again.
      setTrace((before) => (before?.spans === found.spans ? before : found));
    },
    PAUSE_MILLISECONDS,
    [name],
  );
  const span = trace?.tree.find((one) => one.id === selected) ?? trace?.tree[0];
  const select = (id: string) => {
    setSelected(id);
    setView("span");
  };
  return (
    <section>
      <p class="crumbs">
        <a href={link("traces")}>Traces</a> / {name}
      </p>
      <h1>{trace ? `${trace.kind} ${trace.name}` : name}</h1>
      <Problem error={error} />
      {!trace && !error && <Loading what="the trace" />}
      {trace && (
        <>
          <p class="quiet">
            {date(trace.start)} · {duration(trace.seconds)} · {trace.spans} spans
            {trace.errors > 0 && ` · ${trace.errors} failed`}
            {trace.connection && ` · connection ${trace.connection}`}
            {trace.executions.map((arn) => (
              <>
                {" "}
                · <a href={link("execution", arn)}>execution {nameOf(arn)}</a>
              </>
            ))}
          </p>
          <Costs costs={trace.costs} />
          <div class="columns even">
            <Waterfall trace={trace} selected={span?.id} onSelect={select} />
            <div class="side">
              <Tabs label="What to show" tabs={VIEWS} shown={view} onShow={setView}>
                {view === "span" && span && <SpanDetail span={span} began={trace.start} key={span.id} />}
                {view === "writes" && <Writes tree={trace.tree} onSelect={select} />}
              </Tabs>
            </div>
          </div>
        </>
      )}
    </section>
  );
}

function Costs({ costs: { usd, items, asOf, region } }: { costs: TraceDetail["costs"] }) {
  return (
    <details class="costs">
      <summary>
        On AWS: {dollars(usd * 1e6)} for a million of these{" "}
        <span class="quiet">
          ({region}, list prices of {asOf})
        </span>
      </summary>
      <table>
        <tbody>
          {items.map(({ what, amount, usd: one }) => (
            <tr key={what}>
              <td>{what}</td>
              <td class="digits">{number(amount)}</td>
              <td class="digits">{dollars(one * 1e6)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function dollars(value: number): string {
  return value.toLocaleString([], { style: "currency", currency: "USD" });
}

interface WaterfallProps {
  trace: TraceDetail;
  selected?: string;
  onSelect: (id: string) => void;
}

function Waterfall({ trace, selected, onSelect }: WaterfallProps) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const seconds = Math.max(1e-6, trace.seconds);
  const rows = visible(trace.tree, closed);
  const parents = new Set(trace.tree.map((span) => span.parent));
  const toggle = (id: string) => {
    const next = new Set(closed);
    if (!next.delete(id)) next.add(id);
    setClosed(next);
  };
  return (
    <div class="timeline waterfall" tabIndex={0} role="region" aria-label="Waterfall">
      <div class="bar-row axis" aria-hidden="true">
        <span />
        <span class="bar-track">
          {[0, 0.5, 1].map((part) => (
            <span key={part} style={{ left: `${part * 100}%` }}>
              {duration(seconds * part)}
            </span>
          ))}
        </span>
        <span />
      </div>
      {rows.slice(0, ROWS).map((span) => (
        <div key={span.id} class={`bar-row ${span.id === selected ? "chosen" : ""}`}>
          <span class="bar-name" style={{ "--depth": span.depth }}>
            {parents.has(span.id) ? (
              <button
                class="fold"
                aria-expanded={!closed.has(span.id)}
                aria-label={`Below ${titleOf(span)}`}
                onClick={() => toggle(span.id)}
              >
                {closed.has(span.id) ? "▸" : "▾"}
              </button>
            ) : (
              <span class="fold" />
            )}
            <button
              class="link"
              aria-pressed={span.id === selected}
              title={aboutOf(span)}
              onClick={() => onSelect(span.id)}
            >
              {titleOf(span)}
            </button>
          </span>
          <span class="bar-track" onClick={() => onSelect(span.id)}>
            <span
              class={`bar ${span.error ? "failed" : span.kind}`}
              style={{
                left: `${((span.start - trace.start) / seconds) * 100}%`,
                width: `${Math.max(0.3, ((span.end - span.start) / seconds) * 100)}%`,
              }}
            />
          </span>
          <span class="bar-time">{short(span.end - span.start)}</span>
        </div>
      ))}
      {rows.length > ROWS && (
        <p class="quiet">
          The first {ROWS} of {rows.length.toLocaleString()} spans.
        </p>
      )}
    </div>
  );
}

function SpanDetail({ span, began }: { span: Span; began: number }) {
  const details = Object.entries(span).filter(
    ([key, value]) => !SHOWN.has(key) && value !== null && typeof value !== "object",
  );
  return (
    <>
      <h2>
        {titleOf(span)} {span.error !== undefined && <Badge status="FAILED" />}
      </h2>
      {span.error !== undefined && <p class="wrong">{span.error}</p>}
      <dl class="facts">
        <dt>Began</dt>
        <dd>
          {clock(span.start)}, {short(span.start - began)} after the trace
        </dd>
        <dt>Took</dt>
        <dd>{short(span.end - span.start)}</dd>
        {span.execution !== undefined && (
          <>
            <dt>Execution</dt>
            <dd>
              <a href={link("execution", span.execution)}>{nameOf(span.execution)}</a>
            </dd>
          </>
        )}
        {span.name.startsWith("bedrock-runtime.") && (
          <>
            <dt>Model</dt>
            <dd>
              <a href={link("model-call", span.id)}>its conversation</a>
            </dd>
          </>
        )}
        {span.answered_by && <Linked words="Answered by" to={span.answered_by.trace} />}
        {span.answers && <Linked words="Answers" to={span.answers.trace} />}
        {Array.isArray(span.errors) && (
          <>
            <dt>Tries that failed</dt>
            <dd>{span.errors.join(", ")}</dd>
          </>
        )}
        {details.map(([key, value]) => (
          <>
            <dt>{key.replaceAll("_", " ")}</dt>
            <dd>
              <code>{String(value)}</code>
            </dd>
          </>
        ))}
      </dl>
      {span.denied && <p class="wrong">AWS denies this: {span.denied}</p>}
      {span.permissions && span.permissions.length > 0 && (
        <>
          <h3>Permissions</h3>
          <ul class="attempts">
            {span.permissions.map(({ action, resource, decision }) => (
              <li key={action + resource} class={decision ? "wrong" : ""}>
                <code>{action}</code> {resource && <>on {resource}</>} {decision && `(${decision})`}
              </li>
            ))}
          </ul>
        </>
      )}
      {span.request !== undefined && (
        <>
          <h3>Request</h3>
          <Json text={pretty(span.request)} label="the request" />
        </>
      )}
      {span.response !== undefined && span.response !== "" && (
        <>
          <h3>Answer</h3>
          <Json text={pretty(span.response)} label="the answer" />
        </>
      )}
      {span.kind === "invocation" && (
        <FunctionLog
          name={span.name}
          visit={{ requestId: span.request_id, enteredAt: span.start, exitedAt: span.end }}
        />
      )}
    </>
  );
}

function Linked({ words, to }: { words: string; to: string }) {
  return (
    <>
      <dt>{words}</dt>
      <dd>
        <a href={link("trace", to)}>{to}</a>
      </dd>
    </>
  );
}

function Writes({ tree, onSelect }: { tree: Span[]; onSelect: (id: string) => void }) {
  const found = writes(tree);
  if (!found.length) return <p class="quiet">It wrote nothing.</p>;
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>When</th>
            <th>Where</th>
            <th>What</th>
          </tr>
        </thead>
        <tbody>
          {found.map(({ span, done, what }) => (
            <tr key={span.id}>
              <td class="time">{clock(span.start)}</td>
              <td>
                {done} {place(span)}
              </td>
              <td class="cell wide">
                <button class="link" onClick={() => onSelect(span.id)}>
                  {what}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function place({ name, resource }: Span) {
  const kind = name.startsWith("dynamodb.") ? "tables" : name.startsWith("s3.") ? "buckets" : undefined;
  if (!resource) return name.split(".")[0];
  return kind ? <a href={link("resources", kind, resource)}>{resource}</a> : nameOf(resource);
}

function aboutOf(span: Span): string {
  return [span.name, span.resource, span.key, span.error].filter(Boolean).join("\n");
}

/** A duration, to a tenth of a millisecond where it is short. */
export function short(seconds: number): string {
  return seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : duration(seconds);
}
