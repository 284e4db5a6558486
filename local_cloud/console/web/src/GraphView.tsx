import { useMemo } from "preact/hooks";
import { layout } from "./graph";
import type { Status, Visit } from "./history";

interface Props {
  definition: any;
  visits?: Visit[];
  selected?: string;
  onSelect?: (name: string) => void;
}

const WORDS: Record<Status, string> = { running: "running", succeeded: "succeeded", failed: "failed", caught: "caught an error", aborted: "aborted" };

/** The state machine as a graph, each state in the colour of its latest pass. */
export function GraphView({ definition, visits = [], selected, onSelect }: Props) {
  const laidOut = useMemo(() => {
    try {
      return layout(definition);
    } catch {
      return undefined;
    }
  }, [definition]);
  if (!laidOut || !laidOut.boxes.length) return <p class="empty">The definition has no states to draw.</p>;
  const latest = new Map<string, Visit>();
  const counts = new Map<string, number>();
  for (const visit of visits) {
    const before = latest.get(visit.name);
    if (!before || before.status !== "running" || visit.status === "running") latest.set(visit.name, visit);
    counts.set(visit.name, (counts.get(visit.name) ?? 0) + 1);
  }
  const { boxes, edges, left, top: first, width, height } = laidOut;
  return (
    <div class="graph" tabIndex={0} role="region" aria-label="State machine graph">
      <svg viewBox={`${left} ${first} ${width} ${height}`} width={width} height={height}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M0 0 8 4 0 8z" class="arrow" />
          </marker>
        </defs>
        {boxes.filter((box) => box.group).map((box) => (
          <g key={box.id} class={`group ${latest.get(box.label)?.status ?? ""}`}>
            <rect x={box.x - box.width / 2} y={box.y - box.height / 2} width={box.width} height={box.height} rx="10" />
          </g>
        ))}
        {edges.map((edge, number) => (
          <g key={number} class={`edge ${edge.kind}`}>
            <path d={path(edge.points)} marker-end="url(#arrow)" />
            {edge.label && edge.points.length > 0 && (
              <text x={middle(edge.points).x} y={middle(edge.points).y} text-anchor="middle">{edge.label}</text>
            )}
          </g>
        ))}
        {boxes.map((box) => {
          if (box.type === "Terminal") {
            return (
              <g key={box.id} class="terminal">
                <rect x={box.x - 26} y={box.y - 12} width="52" height="24" rx="12" />
                <text x={box.x} y={box.y + 4} text-anchor="middle">{box.label}</text>
              </g>
            );
          }
          const status = latest.get(box.label)?.status;
          const count = counts.get(box.label) ?? 0;
          const top = box.group ? box.y - box.height / 2 - 14 : box.y - 22;
          const words = `${box.label}, ${box.type}${status ? `, ${WORDS[status]}` : ", not entered"}${count > 1 ? `, ${count} times` : ""}`;
          return (
            <g
              key={box.id}
              class={`state ${status ?? "idle"} ${selected === box.label ? "selected" : ""}`}
              role="button"
              tabIndex={0}
              aria-label={words}
              aria-pressed={selected === box.label}
              data-state={box.label}
              data-status={status ?? "idle"}
              onClick={() => onSelect?.(box.label)}
              onKeyDown={(event) => {
                if (event.key === "Enter" || event.key === " ") {
                  event.preventDefault();
                  onSelect?.(box.label);
                }
              }}
            >
              <rect x={box.x - (box.group ? 70 : box.width / 2)} y={top} width={box.group ? 140 : box.width} height={box.group ? 22 : 44} rx="8" />
              <text class="name" x={box.x} y={box.group ? top + 15 : box.y} text-anchor="middle">{box.label}</text>
              {!box.group && <text class="type" x={box.x} y={box.y + 14} text-anchor="middle">{box.type}</text>}
              {count > 1 && (
                <g class="count">
                  <circle cx={box.x + (box.group ? 70 : box.width / 2) - 2} cy={top + 2} r="11" />
                  <text x={box.x + (box.group ? 70 : box.width / 2) - 2} y={top + 6} text-anchor="middle">{count}</text>
                </g>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function path(points: { x: number; y: number }[]): string {
  if (!points.length) return "";
  const [first, ...rest] = points as [{ x: number; y: number }, ...{ x: number; y: number }[]];
  let text = `M${first.x} ${first.y}`;
  rest.forEach((point, number) => {
    const next = rest[number + 1];
    text += next ? ` Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}` : ` L${point.x} ${point.y}`;
  });
  return text;
}

function middle(points: { x: number; y: number }[]): { x: number; y: number } {
  return points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
}
