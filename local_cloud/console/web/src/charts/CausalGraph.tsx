import dagre from "@dagrejs/dagre";
import { useId } from "preact/hooks";

interface Props {
  edges: [cause: string, effect: string][];
  treatment: string;
  outcome: string;
  adjusted: string[];
  unobserved?: string[];
  /** Nodes and arrows of a path that nothing observed blocks. */
  openPath?: string[];
}

/** The causal graph that an adjustment set was read from. */
export function CausalGraph({ edges, treatment, outcome, adjusted, unobserved = [], openPath = [] }: Props) {
  const marker = useId(); // two graphs may stand on one page
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 12, ranksep: 56, marginx: 10, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of new Set(edges.flat()))
    graph.setNode(name, { width: Math.max(64, name.length * 8 + 20), height: 30 });
  for (const [cause, effect] of edges) graph.setEdge(cause, effect);
  dagre.layout(graph);
  const size = graph.graph() as { width: number; height: number };
  const role = (name: string) => {
    if (name === treatment) return "treatment";
    if (name === outcome) return "outcome";
    if (unobserved.includes(name)) return "unobserved";
    return adjusted.includes(name) ? "adjusted" : "";
  };
  const open = new Set<string>();
  for (let at = 1; at < openPath.length - 1; at += 2) {
    const [left, arrow, right] = openPath.slice(at - 1, at + 2);
    open.add(arrow === "→" ? `${left}\n${right}` : `${right}\n${left}`);
  }
  return (
    <figure>
      <figcaption>
        Causal graph: <span class="key treatment">treatment</span> <span class="key outcome">outcome</span>{" "}
        {adjusted.length > 0 && <span class="key adjusted">adjusted for</span>}{" "}
        {unobserved.length > 0 && <span class="key unobserved">not observed</span>}{" "}
        {open.size > 0 && <span class="key open">open path</span>}
      </figcaption>
      <svg
        class="chart causal"
        viewBox={`0 0 ${size.width} ${size.height}`}
        style={{ maxWidth: `${size.width}px` }}
        role="img"
        aria-label={`Causal graph: ${edges.map((edge) => edge.join(" causes ")).join(", ")}`}
      >
        <defs>
          <marker
            id={marker}
            class="plain"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0 0 8 4 0 8z" />
          </marker>
        </defs>
        {graph.edges().map((edge) => {
          const { points } = graph.edge(edge) as unknown as { points: { x: number; y: number }[] };
          const path = points.map((point) => `${point.x} ${point.y}`).join(" L");
          return (
            <path
              key={`${edge.v}\n${edge.w}`}
              class={`cause ${open.has(`${edge.v}\n${edge.w}`) ? "open" : ""}`}
              d={`M${path}`}
              marker-end={`url(#${marker})`}
            />
          );
        })}
        {graph.nodes().map((name) => {
          const node = graph.node(name) as { x: number; y: number; width: number };
          return (
            <g key={name} class={`variable ${role(name)}`}>
              <rect x={node.x - node.width / 2} y={node.y - 15} width={node.width} height="30" rx="15" />
              <text x={node.x} y={node.y + 4} text-anchor="middle">
                {name}
              </text>
            </g>
          );
        })}
      </svg>
    </figure>
  );
}
