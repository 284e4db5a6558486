import { useState } from "preact/hooks";
import { aws } from "../../api";
import { clock, duration } from "../../format";
import { useLoaded } from "../../parts/loading";
import { Badge, Empty, Problem } from "../../parts/parts";
import { type Pages, Pager } from "../../parts/rows";
import { link } from "../../router";
import type { ExecutionItem } from "../../types";

const ROWS = 50;
const COUNTS = ["pending", "running", "succeeded", "failed", "timedOut", "aborted"] as const;
const STATUSES = ["", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

/** A distributed Map's run: how far its items are, and its child executions. */
export function MapRun({ arn, ended }: { arn: string; ended: boolean }) {
  const [status, setStatus] = useState("");
  const [pages, setPages] = useState<Pages<string>>([undefined]);
  const [turn, setTurn] = useState(0);
  const run = useLoaded(() => aws("stepfunctions", "describe_map_run", { mapRunArn: arn }), [arn, ended, turn]);
  const nextToken = pages.at(-1);
  const children = useLoaded(
    () =>
      aws("stepfunctions", "list_executions", {
        mapRunArn: arn,
        maxResults: ROWS,
        ...(status ? { statusFilter: status } : {}),
        ...(nextToken ? { nextToken } : {}),
      }),
    [arn, status, nextToken, ended, turn],
  );
  const found: ExecutionItem[] = children.value?.executions ?? [];
  return (
    <>
      <h3>Map run</h3>
      <Problem error={run.error ?? children.error} />
      {run.value && (
        <p>
          {COUNTS.filter((name) => run.value.itemCounts[name]).map((name) => (
            <span key={name} class="count-of">
              {run.value.itemCounts[name].toLocaleString()} {name === "timedOut" ? "timed out" : name}
            </span>
          ))}
          {run.value.redriveCount > 0 && <span class="count-of">redriven {run.value.redriveCount} times</span>}
        </p>
      )}
      <div class="filters">
        <label>
          Children
          <select
            value={status}
            onChange={(e) => {
              setStatus(e.currentTarget.value);
              setPages([undefined]);
            }}
          >
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {one ? one.toLowerCase().replace("_", " ") : "all"}
              </option>
            ))}
          </select>
        </label>
        <button onClick={() => setTurn(turn + 1)}>Look again</button>
      </div>
      {children.value && !found.length && <Empty>No child executions of that kind.</Empty>}
      {found.length > 0 && (
        <div class="scroll plain" tabIndex={0}>
          <table>
            <tbody>
              {found.map((child) => (
                <tr key={child.executionArn}>
                  <td>
                    <a href={link("execution", child.executionArn)}>{child.name}</a>
                  </td>
                  <td>
                    <Badge status={child.status} />
                  </td>
                  <td class="time">{clock(child.startDate)}</td>
                  <td class="digits">{child.stopDate && duration(child.stopDate - child.startDate)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Pager pages={pages} next={children.value?.nextToken} onTurn={setPages} />
    </>
  );
}
