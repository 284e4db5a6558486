import { useMemo, useState } from "preact/hooks";
import { duration, nameOf, pretty } from "../../format";
import { took, type Visit, visits } from "../../history";
import { useNow } from "../../parts/loading";
import { Badge, Empty, Loading, Problem, Tabs } from "../../parts/parts";
import { link } from "../../router";
import { type LiveExecution, useExecution } from "../execution/useExecution";
import { align, difference, type Pair, parting } from "./align";

const ROWS = 300;
const VIEWS = [
  ["input", "Input"],
  ["output", "Output"],
] as const;

/** Two executions side by side: where they part, what took longer, what differs in a state's data. */
export function Compare({ arns }: { arns: [string, string] }) {
  const left = useExecution(arns[0]),
    right = useExecution(arns[1]);
  const passes = [left, right].map(({ events }) => useMemo(() => visits(events), [events])) as [Visit[], Visit[]];
  const pairs = useMemo(() => align(...passes), passes);
  const [chosen, setChosen] = useState<Pair>();
  const now = useNow([left, right].some(({ execution }) => execution?.status === "RUNNING"));
  const parted = parting(pairs);
  return (
    <section>
      <p class="crumbs">
        <a href={link("executions")}>Executions</a> / Compare
      </p>
      <h1>Compare executions</h1>
      <Problem error={left.problem ?? right.problem} />
      <div class="halves">
        <Head arn={arns[0]} side="A" live={left} passes={passes[0]} now={now} />
        <Head arn={arns[1]} side="B" live={right} passes={passes[1]} now={now} />
      </div>
      {!pairs.length && <Loading what="the histories" />}
      {pairs.length > 0 && <p aria-live="polite">{words(parted)}</p>}
      {pairs.length > 0 && (
        <div class="columns">
          <div class="scroll tall" tabIndex={0}>
            <table class="compare">
              <thead>
                <tr>
                  <th>State</th>
                  <th>A</th>
                  <th class="digits">A took</th>
                  <th>B</th>
                  <th class="digits">B took</th>
                  <th class="digits">B − A</th>
                </tr>
              </thead>
              <tbody>
                {pairs.slice(0, ROWS).map((pair) => (
                  <Row
                    key={`${pair.left?.entered}/${pair.right?.entered}`}
                    pair={pair}
                    now={now}
                    parted={pair === parted}
                    chosen={same(pair, chosen)}
                    onChoose={() => setChosen(pair)}
                  />
                ))}
              </tbody>
            </table>
            {pairs.length > ROWS && (
              <p class="quiet">
                The first {ROWS} of {pairs.length.toLocaleString()} passes.
              </p>
            )}
          </div>
          <Differences pair={chosen} left={left} right={right} />
        </div>
      )}
    </section>
  );
}

interface HeadProps {
  arn: string;
  side: string;
  live: LiveExecution;
  passes: Visit[];
  now: number;
}

function Head({ arn, side, live: { execution }, passes, now }: HeadProps) {
  return (
    <div class="card">
      <h2>
        <span class="letter">{side}</span> <a href={link("execution", arn)}>{nameOf(arn)}</a>{" "}
        {execution && <Badge status={execution.status} />}
      </h2>
      <p class="quiet">
        {execution &&
          `${nameOf(execution.stateMachineArn)} · ${duration((execution.stopDate ?? now) - execution.startDate)} · `}
        {passes.length.toLocaleString()} passes
        {execution?.error && ` · ${execution.error}`}
      </p>
    </div>
  );
}

interface RowProps {
  pair: Pair;
  now: number;
  parted: boolean;
  chosen: boolean;
  onChoose: () => void;
}

function Row({ pair: { left, right }, now, parted, chosen, onChoose }: RowProps) {
  const times = [left, right].map((visit) => visit && took(visit, now));
  const change = times[0] !== undefined && times[1] !== undefined ? times[1] - times[0] : undefined;
  const kind = [
    chosen ? "chosen" : "",
    parted ? "parted" : "",
    left && right ? "" : left ? "only-left" : "only-right",
  ].join(" ");
  return (
    <tr class={kind}>
      <td>
        <button class="link" aria-pressed={chosen} onClick={onChoose}>
          {(left ?? right)!.name}
        </button>
      </td>
      <td>{left ? <Badge status={left.status} /> : "—"}</td>
      <td class="digits">{times[0] === undefined ? "" : duration(times[0])}</td>
      <td>{right ? <Badge status={right.status} /> : "—"}</td>
      <td class="digits">{times[1] === undefined ? "" : duration(times[1])}</td>
      <td class="digits">{change === undefined ? "" : signed(change)}</td>
    </tr>
  );
}

/** What differs in the data of a pass; of the whole executions while none is chosen. */
function Differences({ pair, left, right }: { pair?: Pair; left: LiveExecution; right: LiveExecution }) {
  const [view, setView] = useState("input");
  const key = view as "input" | "output";
  const [one, other] = pair ? [pair.left, pair.right] : [left.execution, right.execution];
  const texts = [one, other].map((side) => pretty(side?.[key] ?? side?.error));
  const lines = useMemo(() => difference(texts[0]!, texts[1]!), texts);
  const alike = lines.every((line) => line.side === "both");
  return (
    <div class="side">
      <h2>{pair ? (pair.left ?? pair.right)!.name : "The whole executions"}</h2>
      <Tabs label="What to compare" tabs={VIEWS} shown={view} onShow={setView}>
        {pair && !(one && other) && <Empty>Only {one ? "A" : "B"} entered this state here.</Empty>}
        <p class="quiet">{alike ? "The same in both." : "Red: A alone. Green: B alone."}</p>
        <pre class="diff" tabIndex={0}>
          {lines.map((line, n) => (
            <span key={n} class={line.side}>
              {{ both: "  ", left: "A ", right: "B " }[line.side]}
              {line.text}
              {"\n"}
            </span>
          ))}
        </pre>
      </Tabs>
    </div>
  );
}

const signed = (seconds: number) =>
  `${seconds <= -0.0005 ? "−" : seconds >= 0.0005 ? "+" : ""}${duration(Math.abs(seconds))}`;

const same = (one: Pair, other?: Pair) =>
  one.left?.entered === other?.left?.entered && one.right?.entered === other?.right?.entered;

function words(parted?: Pair): string {
  if (!parted) return "Both went the same way through the same states.";
  const { left, right } = parted;
  if (left && right) return `They part at ${left.name}: ${left.status} in A, ${right.status} in B.`;
  return `They part at ${(left ?? right)!.name}, which only ${left ? "A" : "B"} entered there.`;
}
