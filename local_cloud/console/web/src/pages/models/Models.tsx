import { useState } from "preact/hooks";
import { ago, date, duration, nameOf } from "../../format";
import { usePolled } from "../../parts/loading";
import { Badge, Empty, Loading, Problem } from "../../parts/parts";
import { link } from "../../router";
import { type ModelCallItem, statusOf } from "./calls";
import { callsOf } from "./ofExecution";

const PAUSE_MILLISECONDS = 1000;

/** The latest calls of models, live; those `of` an execution, if one is named. */
export function Models({ of }: { of: string }) {
  const [calls, setCalls] = useState<ModelCallItem[]>();
  const [search, setSearch] = useState("");
  const error = usePolled(async () => setCalls(await callsOf(of)), PAUSE_MILLISECONDS);
  const wanted = search.trim().toLowerCase();
  const shown = calls?.filter((call) =>
    [call.model, call.asks, call.says, ...call.tools].some((text) => text.toLowerCase().includes(wanted)),
  );
  return (
    <section>
      <div class="title">
        <h1>Model calls</h1>
        {of && (
          <span class="quiet">
            of <a href={link("execution", of)}>{nameOf(of)}</a>, <a href={link("models")}>show all</a>
          </span>
        )}
      </div>
      <Problem error={error} />
      <div class="filters">
        <label>
          Search
          <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
      </div>
      {!calls && !error && <Loading what="the calls" />}
      {shown?.length === 0 && <Empty>{search ? "No call has that." : "No model was asked yet."}</Empty>}
      {shown && shown.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table class="stacked">
            <thead>
              <tr>
                <th>When</th>
                <th>Model</th>
                <th>Asked</th>
                <th>Answer</th>
                <th class="digits">Tokens</th>
                <th class="digits">Took</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((call) => (
                <tr key={call.id}>
                  <td class="main" title={date(call.at)}>
                    <a href={link("model-call", call.id)}>{ago(call.at)}</a>
                  </td>
                  <td>{call.model}</td>
                  <td class="cell">{call.asks}</td>
                  <td class="cell wide">
                    {statusOf(call) !== "SUCCEEDED" && <Badge status={statusOf(call)} />} {call.error ?? call.says}{" "}
                    {call.tools.map((tool) => (
                      <code key={tool}>{tool} </code>
                    ))}
                  </td>
                  <td class="digits">
                    {call.inputTokens} → {call.outputTokens}
                  </td>
                  <td class="digits">{call.ms === null ? "…" : duration(call.ms / 1000)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
