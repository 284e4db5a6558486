import dagre from "@dagrejs/dagre";

const NAMES: Record<string, string> = { difference_in_means: "Difference in means", ols: "OLS", ipw: "IPW", aipw: "AIPW" };

/** Effect estimates with their intervals, one line a method. */
export function ForestPlot({ estimates }: { estimates: Record<string, any> }) {
  const rows = Object.entries(estimates);
  if (!rows.length) return null;
  const low = Math.min(0, ...rows.map(([, e]) => e.ci_low));
  const high = Math.max(0, ...rows.map(([, e]) => e.ci_high));
  const pad = (high - low) * 0.06 || 1;
  const width = 560, left = 150, right = 16, line = 34;
  const x = (value: number) => left + ((value - low + pad) / (high - low + 2 * pad)) * (width - left - right);
  const height = rows.length * line + 34;
  const ticks = [low, 0, high].filter((v, n, all) => all.indexOf(v) === n);
  const words = rows.map(([name, e]) => `${NAMES[name] ?? name} ${round(e.estimate)}, from ${round(e.ci_low)} to ${round(e.ci_high)}`).join("; ");
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`Effect estimates with 95% confidence intervals: ${words}`}>
      <line class="zero" x1={x(0)} x2={x(0)} y1="6" y2={height - 28} />
      {rows.map(([name, e], n) => {
        const y = n * line + 22;
        return (
          <g key={name}>
            <text x="4" y={y + 4}>{NAMES[name] ?? name}</text>
            <line class="interval" x1={x(e.ci_low)} x2={x(e.ci_high)} y1={y} y2={y} />
            <rect class="point" x={x(e.estimate) - 5} y={y - 5} width="10" height="10" />
            <text class="value" x={x(e.estimate)} y={y - 9} text-anchor="middle">{round(e.estimate)}</text>
          </g>
        );
      })}
      {ticks.map((v) => (
        <text key={v} class="tick" x={x(v)} y={height - 8} text-anchor="middle">{round(v)}</text>
      ))}
    </svg>
  );
}

/** The causal graph that an adjustment set was read from. */
export function CausalGraph({ edges, treatment, outcome, adjusted }: { edges: [string, string][]; treatment: string; outcome: string; adjusted: string[] }) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 22, ranksep: 48, marginx: 10, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of new Set(edges.flat())) graph.setNode(name, { width: Math.max(64, name.length * 8 + 20), height: 32 });
  for (const [cause, effect] of edges) graph.setEdge(cause, effect);
  dagre.layout(graph);
  const size = graph.graph() as any;
  const role = (name: string) => (name === treatment ? "treatment" : name === outcome ? "outcome" : adjusted.includes(name) ? "adjusted" : "");
  return (
    <svg class="chart causal" viewBox={`0 0 ${size.width} ${size.height}`} style={{ maxWidth: `${size.width}px` }} role="img" aria-label={`Causal graph: ${edges.map((e) => e.join(" causes ")).join(", ")}`}>
      <defs>
        <marker id="cause" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0 8 4 0 8z" class="arrow" />
        </marker>
      </defs>
      {graph.edges().map((edge) => {
        const points = (graph.edge(edge) as any).points as { x: number; y: number }[];
        return <path key={`${edge.v}${edge.w}`} class="cause" d={`M${points.map((p) => `${p.x} ${p.y}`).join(" L")}`} marker-end="url(#cause)" />;
      })}
      {graph.nodes().map((name) => {
        const node = graph.node(name) as any;
        return (
          <g key={name} class={`variable ${role(name)}`}>
            <rect x={node.x - node.width / 2} y={node.y - 16} width={node.width} height="32" rx="16" />
            <text x={node.x} y={node.y + 4} text-anchor="middle">{name}</text>
          </g>
        );
      })}
    </svg>
  );
}

export function round(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString() : value.toFixed(2);
}
