import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Status, Visit } from "../history";
import { Loading } from "../parts/parts";
import type { Machine } from "../types";
import { type Box, type Edge, type Layout, layout, type Point } from "./layout";

const WORDS: Record<Status, string> = {
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  caught: "caught an error",
  aborted: "aborted",
};
/** Below this the names cannot be read: the graph is scrolled instead. */
const LEAST_SCALE = 0.72;
const STEPS = [0.5, LEAST_SCALE, 1, 1.3, 1.7];

interface Props {
  definition: Machine;
  visits?: Visit[];
  selected?: string;
  onSelect?: (name: string) => void;
  /** Keep the state that runs in sight. */
  follow?: boolean;
}

/** The state machine as a graph: each state in the colour of its latest pass, the way taken in bold. */
export function GraphView({ definition, visits = [], selected, onSelect, follow }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(0);
  const [zoom, setZoom] = useState<number>();
  // Until a changed definition is laid out, the graph stays as it was.
  const [laidOut, setLaidOut] = useState<Layout | null>();
  useEffect(() => {
    let here = true;
    layout(definition).then(
      (found) => here && setLaidOut(found),
      () => here && setLaidOut(null),
    );
    return () => {
      here = false;
    };
  }, [definition]);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWide(entry!.contentRect.width));
    if (frame.current) observer.observe(frame.current);
    return () => observer.disconnect();
  }, [!laidOut]);
  const { latest, counts, taken } = useMemo(() => told(visits), [visits]);
  const running = visits.findLast((visit) => visit.status === "running")?.name;
  useEffect(() => {
    if (follow && running) show(frame.current, running);
  }, [follow, running]);
  if (laidOut === undefined) return <Loading what="the graph" />;
  if (!laidOut || !laidOut.boxes.length) return <p class="empty">The definition has no states to draw.</p>;
  const { boxes, edges, left, top, width, height } = laidOut;
  const fit = Math.min(1, Math.max(LEAST_SCALE, wide ? (wide - 2) / width : 1));
  const scale = zoom ?? fit;
  const change = (steps: number[]) => setZoom(steps[0] ?? scale);
  return (
    <div class="graph-frame">
      <div class="graph-tools" role="group" aria-label="Zoom">
        <button aria-label="Zoom out" onClick={() => change(STEPS.filter((step) => step < scale - 0.01).reverse())}>
          −
        </button>
        <button aria-label="Zoom in" onClick={() => change(STEPS.filter((step) => step > scale + 0.01))}>
          +
        </button>
        <button onClick={() => setZoom(undefined)} disabled={zoom === undefined}>
          Fit
        </button>
      </div>
      <div class="graph" ref={frame} tabIndex={0} role="region" aria-label="State machine graph">
        <svg viewBox={`${left} ${top} ${width} ${height}`} width={width * scale} height={height * scale}>
          <defs>
            {["plain", "taken"].map((name) => (
              <marker
                key={name}
                id={`arrow-${name}`}
                class={name}
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="7"
                markerHeight="7"
                markerUnits="userSpaceOnUse"
                orient="auto"
              >
                <path d="M0 0 8 4 0 8z" />
              </marker>
            ))}
          </defs>
          {boxes
            .filter((box) => box.group)
            .map((box) => (
              <rect
                key={box.id}
                class="group"
                x={box.x - box.width / 2}
                y={box.y - box.height / 2}
                width={box.width}
                height={box.height}
                rx="10"
              />
            ))}
          {edges.map((edge, number) => (
            <EdgeLine key={number} edge={edge} taken={taken.has(keyOf(edge))} />
          ))}
          {boxes
            .filter((box) => box.type === "Terminal")
            .map((box) => (
              <g key={box.id} class="terminal">
                <rect x={box.x - 26} y={box.y - 12} width="52" height="24" rx="12" />
                <text x={box.x} y={box.y + 4}>
                  {box.label}
                </text>
              </g>
            ))}
          {boxes
            .filter((box) => box.type !== "Terminal")
            .map((box) => (
              <StateBox
                key={box.id}
                box={box}
                status={latest.get(box.label)?.status}
                count={counts.get(box.label) ?? 0}
                selected={selected === box.label}
                onSelect={onSelect}
              />
            ))}
        </svg>
      </div>
    </div>
  );
}

interface StateBoxProps {
  box: Box;
  status?: Status;
  count: number;
  selected: boolean;
  onSelect?: (name: string) => void;
}

function StateBox({ box, status, count, selected, onSelect }: StateBoxProps) {
  const width = box.group ? Math.min(box.width, box.label.length * 8 + 46) : box.width;
  const height = box.group ? 24 : box.height;
  const top = box.y - box.height / 2 - (box.group ? 14 : 0);
  const words = [box.label, box.type, status ? WORDS[status] : "not entered", ...(count > 1 ? [`${count} times`] : [])];
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onSelect?.(box.label);
  };
  return (
    <g
      class={`state ${status ?? "idle"} ${selected ? "selected" : ""}`}
      role="button"
      tabIndex={0}
      aria-label={words.join(", ")}
      aria-pressed={selected}
      data-state={box.label}
      data-status={status ?? "idle"}
      onClick={() => onSelect?.(box.label)}
      onKeyDown={press}
    >
      <rect x={box.x - width / 2} y={top} width={width} height={height} rx="8" />
      <text class="name" x={box.x} y={top + (box.group ? 16 : 21)}>
        {box.label}
      </text>
      {!box.group && (
        <text class="type" x={box.x} y={top + 35}>
          {box.type}
        </text>
      )}
      {count > 1 && (
        <g class="count">
          <rect
            x={box.x + width / 2 - 14}
            y={top - 9}
            width={Math.max(22, String(count).length * 7 + 12)}
            height="20"
            rx="10"
          />
          <text x={box.x + width / 2 - 14 + Math.max(22, String(count).length * 7 + 12) / 2} y={top + 5}>
            {count}
          </text>
        </g>
      )}
    </g>
  );
}

function EdgeLine({ edge, taken }: { edge: Edge; taken: boolean }) {
  return (
    <g
      class={`edge ${edge.kind} ${taken ? "taken" : ""}`}
      data-edge={`${edge.from ?? ""}→${edge.to ?? ""}`}
      data-taken={taken}
    >
      <path d={line(edge.points)} marker-end={`url(#arrow-${taken ? "taken" : "plain"})`} />
      {edge.at && (
        <text x={edge.at.x} y={edge.at.y + 4}>
          {edge.label}
        </text>
      )}
    </g>
  );
}

/** What the passes tell of each state, and of the ways between them. */
function told(visits: Visit[]) {
  const latest = new Map<string, Visit>();
  const counts = new Map<string, number>();
  const taken = new Set<string>();
  const before = new Map<string, Visit>();
  for (const visit of visits) {
    const shown = latest.get(visit.name);
    if (!shown || shown.status !== "running" || visit.status === "running") latest.set(visit.name, visit);
    counts.set(visit.name, (counts.get(visit.name) ?? 0) + 1);
    const from = visit.previous === undefined ? undefined : before.get(visit.previous);
    const kind = from?.status === "caught" ? "catch" : "next";
    taken.add(keyOf({ from: visit.previous, to: visit.name, kind }));
    before.set(visit.name, visit);
    if (visit.status === "succeeded" || visit.type === "Fail") taken.add(keyOf({ from: visit.name, kind: "next" }));
  }
  return { latest, counts, taken };
}

function keyOf({ from, to, kind }: Pick<Edge, "from" | "to" | "kind">): string {
  return `${from ?? ""}\n${to ?? ""}\n${kind}`;
}

/** Scroll the frame, and not the page, to a state. */
function show(frame: HTMLElement | null, name: string): void {
  const box = frame?.querySelector(`[data-state="${CSS.escape(name)}"]`)?.getBoundingClientRect();
  if (!frame || !box) return;
  const view = frame.getBoundingClientRect();
  const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (box.top < view.top || box.bottom > view.bottom || box.left < view.left || box.right > view.right) {
    frame.scrollBy({
      top: (box.top + box.bottom - view.top - view.bottom) / 2,
      left: (box.left + box.right - view.left - view.right) / 2,
      behavior: smooth ? "smooth" : "auto",
    });
  }
}

const ROUND = 6;

/** A line through points, with round corners. */
function line(points: Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let before = first;
  return rest.reduce((path, point, number) => {
    const next = rest[number + 1];
    if (!next) return `${path} L${point.x} ${point.y}`;
    const begin = towards(point, before),
      end = towards(point, next);
    before = point;
    return `${path} L${begin.x} ${begin.y} Q${point.x} ${point.y} ${end.x} ${end.y}`;
  }, `M${first.x} ${first.y}`);
}

/** The point a corner's radius before another, on the way to it. */
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length ? Math.min(ROUND, length / 2) / length : 0;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
