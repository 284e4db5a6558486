import { useState } from "preact/hooks";
import { get } from "../../api";
import { ago, date, duration, nameOf } from "../../format";
import { usePolled } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";
import { go, link } from "../../router";
import type { TraceItem } from "./spans";

const PAUSE_MILLISECONDS = 1000;
const PAGE = 100;
const KINDS = ["message", "connect", "disconnect", "invocation", "execution", "call"] as const;

/** The latest traces, live; those `of` an execution, if one is named. */
export function Traces({ of }: { of: string }) {
  const [traces, setTraces] = useState<TraceItem[]>();
  const [kind, setKind] = useState("");
  const [search, setSearch] = useState("");
  const [failed, setFailed] = useState(false);
  const [slower, setSlower] = useState("");
  const [count, setCount] = useState(PAGE);
  const [chosen, setChosen] = useState<string[]>([]);
  const error = usePolled(async () => setTraces((await get("/api/traces")).traces), PAUSE_MILLISECONDS);
  const least = Number(slower) / 1000 || 0;
  const fitting = (traces ?? []).filter(
    (one) =>
      (!of || one.executions.includes(of)) &&
      (!failed || one.errors > 0) &&
      one.seconds >= least &&
      has(one, search.trim()),
  );
  const shown = kind ? fitting.filter((one) => one.kind === kind) : fitting;
  const choose = (name: string) =>
    setChosen(chosen.includes(name) ? chosen.filter((c) => c !== name) : [...chosen, name].slice(-2));
  return (
    <section>
      <div class="title">
        <h1>Traces</h1>
        {of && (
          <span class="quiet">
            of <a href={link("execution", of)}>{nameOf(of)}</a>, <a href={link("traces")}>show all</a>
          </span>
        )}
        <span class="spring" />
        <button disabled={chosen.length < 2} onClick={() => go("traces-compared", ...chosen)} title="Choose two traces">
          Compare{chosen.length === 1 ? " (choose one more)" : ""}
        </button>
      </div>
      <Problem error={error} />
      <div class="filters">
        <div class="segments" role="group" aria-label="What began it">
          <button aria-pressed={!kind} onClick={() => setKind("")}>
            All <span>{fitting.length}</span>
          </button>
          {KINDS.filter((k) => k === kind || fitting.some((one) => one.kind === k)).map((k) => (
            <button key={k} aria-pressed={kind === k} onClick={() => setKind(k)}>
              {k} <span>{fitting.filter((one) => one.kind === k).length}</span>
            </button>
          ))}
        </div>
        <label>
          Search
          <input
            type="search"
            placeholder="Route, function, connection, user"
            value={search}
            onInput={(e) => setSearch(e.currentTarget.value)}
          />
        </label>
        <label>
          Slower than
          <input
            type="number"
            min="0"
            placeholder="ms"
            value={slower}
            onInput={(e) => setSlower(e.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={failed} onChange={() => setFailed(!failed)} /> With errors
        </label>
      </div>
      {!traces && !error && <Loading what="traces" />}
      {traces && !shown.length && (
        <Empty>
          {traces.length ? (
            "No trace fits the filter."
          ) : (
            <>
              Nothing has been asked so far. Ask the agent on the <a href={link("chat")}>chat page</a>.
            </>
          )}
        </Empty>
      )}
      {shown.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table class="stacked">
            <thead>
              <tr>
                <th>
                  <span class="hidden">Compare</span>
                </th>
                <th>What began it</th>
                <th>Began</th>
                <th class="digits">Duration</th>
                <th class="digits">Spans</th>
                <th class="digits">Errors</th>
                <th>Functions</th>
                <th>Connection</th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, count).map((one) => (
                <tr key={one.trace} class={chosen.includes(one.trace) ? "chosen" : ""}>
                  <td class="pick">
                    <input
                      type="checkbox"
                      aria-label={`Compare ${one.name} of ${date(one.start)}`}
                      checked={chosen.includes(one.trace)}
                      onChange={() => choose(one.trace)}
                    />
                  </td>
                  <td class="main">
                    <a href={link("trace", one.trace)}>
                      {one.kind} {one.name}
                    </a>
                    {!one.whole && <small class="quiet"> under way</small>}
                  </td>
                  <td title={date(one.start)}>{ago(one.start)}</td>
                  <td class="digits">{duration(one.seconds)}</td>
                  <td class="digits">{one.spans}</td>
                  <td class={`digits ${one.errors ? "wrong" : ""}`}>{one.errors || ""}</td>
                  <td class="cell wide">{one.functions.join(", ")}</td>
                  <td>
                    <code>{one.connection}</code> {one.user}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length > count && (
        <button class="more" onClick={() => setCount(count + PAGE)}>
          Show more ({(shown.length - count).toLocaleString()} left)
        </button>
      )}
    </section>
  );
}

function has({ name, trace, connection, user, functions }: TraceItem, text: string): boolean {
  return [name, trace, connection ?? "", user ?? "", ...functions].some((word) => word.includes(text));
}
