import { useEffect, useMemo, useState } from "preact/hooks";
import { watch } from "../../api";
import { ago, date, duration, nameOf } from "../../format";
import { useNow } from "../../parts/loading";
import { MachineSelect } from "../../parts/MachineSelect";
import { Badge, Empty, Loading, Problem } from "../../parts/parts";
import { go, link } from "../../router";
import type { ExecutionItem, StateMachineItem } from "../../types";
import { StartExecution } from "./StartExecution";

const STATUSES = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] as const;
const PAGE = 100;

interface Lists {
  stateMachines: StateMachineItem[];
  executions: ExecutionItem[];
  /** There are more executions than the console reads. */
  more: boolean;
}

/** Every execution, live; a new one can begin `like` another, `from` one of its events. */
export function Executions({ like, from }: { like: string; from: string }) {
  const [lists, setLists] = useState<Lists>();
  const [problem, setProblem] = useState<string>();
  const [status, setStatus] = useState("");
  const [machine, setMachine] = useState("");
  const [search, setSearch] = useState("");
  const [starting, setStarting] = useState(like !== "");
  const [count, setCount] = useState(PAGE);
  const [chosen, setChosen] = useState<string[]>([]);
  useEffect(
    () =>
      watch("", {
        executions: (found: Lists) => {
          setLists(found);
          setProblem(undefined);
        },
        problem: ({ error }) => setProblem(error),
        down: () => setProblem("The console does not answer. It is asked again."),
      }),
    [],
  );
  const fitting = useMemo(() => {
    const all = lists?.executions ?? [];
    return all
      .filter((e) => (!machine || e.stateMachineArn === machine) && e.name.includes(search.trim()))
      .sort((a, b) => b.startDate - a.startDate);
  }, [lists, machine, search]);
  const shown = status ? fitting.filter((e) => e.status === status) : fitting;
  const machines = lists?.stateMachines ?? [];
  const now = useNow(shown.slice(0, count).some((e) => !e.stopDate));
  // The latest two that were chosen: a third takes the place of the first.
  const choose = (arn: string) =>
    setChosen(chosen.includes(arn) ? chosen.filter((c) => c !== arn) : [...chosen, arn].slice(-2));
  return (
    <section>
      <div class="title">
        <h1>Executions</h1>
        <span class="spring" />
        <button disabled={chosen.length < 2} onClick={() => go("compare", ...chosen)} title="Choose two executions">
          Compare{chosen.length === 1 ? " (choose one more)" : ""}
        </button>
        <button
          class="primary"
          disabled={!machines.length}
          onClick={() => setStarting(!starting)}
          aria-expanded={starting}
        >
          Start execution
        </button>
      </div>
      <Problem error={problem} />
      {starting && machines.length > 0 && (
        <StartExecution
          machines={machines}
          executions={lists?.executions ?? []}
          like={like}
          from={from}
          done={() => setStarting(false)}
        />
      )}
      <div class="filters">
        <div class="segments" role="group" aria-label="Status">
          <button aria-pressed={!status} onClick={() => setStatus("")}>
            All <span>{fitting.length}</span>
          </button>
          {STATUSES.map((s) => (
            <button key={s} aria-pressed={status === s} onClick={() => setStatus(s)}>
              {s.replace("_", " ").toLowerCase()} <span>{fitting.filter((e) => e.status === s).length}</span>
            </button>
          ))}
        </div>
        <label>
          State machine
          <MachineSelect machines={machines} value={machine} onChoose={setMachine} all />
        </label>
        <label>
          Name
          <input type="search" placeholder="Any" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
        </label>
      </div>
      {!lists && !problem && <Loading what="executions" />}
      {lists && !shown.length && <Nothing filtered={Boolean(status || machine || search)} machines={machines.length} />}
      {shown.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table class="stacked">
            <thead>
              <tr>
                <th>
                  <span class="hidden">Compare</span>
                </th>
                <th>Name</th>
                <th>Status</th>
                <th>Started</th>
                <th class="digits">Duration</th>
                <th>State machine</th>
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, count).map((e) => (
                <tr key={e.executionArn} class={chosen.includes(e.executionArn) ? "chosen" : ""}>
                  <td class="pick">
                    <input
                      type="checkbox"
                      aria-label={`Compare ${e.name}`}
                      checked={chosen.includes(e.executionArn)}
                      onChange={() => choose(e.executionArn)}
                    />
                  </td>
                  <td class="main">
                    <a href={link("execution", e.executionArn)}>{e.name}</a>
                  </td>
                  <td>
                    <Badge status={e.status} />
                  </td>
                  <td title={date(e.startDate)}>{ago(e.startDate)}</td>
                  <td class="digits">{duration((e.stopDate ?? now) - e.startDate)}</td>
                  <td>{nameOf(e.stateMachineArn)}</td>
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
      {lists?.more && <p class="quiet">There are more executions than these; the AWS CLI lists them all.</p>}
    </section>
  );
}

function Nothing({ filtered, machines }: { filtered: boolean; machines: number }) {
  if (filtered) return <Empty>No execution fits the filter.</Empty>;
  if (!machines) return <Empty>No state machines yet. Run ./local-cloud provision.</Empty>;
  return (
    <Empty>
      No executions yet. Start one above, or ask the agent on the <a href={link("chat")}>chat page</a>.
    </Empty>
  );
}
