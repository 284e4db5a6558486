/** A state machine's definition as a laid out graph, nested states and all. */

import dagre from "@dagrejs/dagre";

export interface Box {
  id: string;
  label: string;
  type: string;
  x: number;
  y: number;
  width: number;
  height: number;
  group: boolean;
}

export interface Edge {
  points: { x: number; y: number }[];
  label: string;
  kind: "next" | "catch";
  from: string;
  to: string;
}

export interface Layout {
  boxes: Box[];
  edges: Edge[];
  left: number;
  top: number;
  width: number;
  height: number;
}

const START = "▶start", END = "■end";

/** Lay a definition out, from top to bottom. */
export function layout(definition: any): Layout {
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 20, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  add(graph, definition, undefined, "");
  dagre.layout(graph);
  const boxes = graph.nodes().map((id) => ({ id, ...(graph.node(id) as any) }) as Box);
  const edges = graph.edges().map((edge) => ({ ...(graph.edge(edge) as any), from: edge.v, to: edge.w }) as Edge);
  boxes.sort((a, b) => Number(b.group) - Number(a.group));
  // Edges back to an earlier state swing out further than the layout's own measure.
  const xs = [...boxes.flatMap((b) => [b.x - b.width / 2, b.x + b.width / 2]), ...edges.flatMap((e) => e.points.map((p) => p.x))];
  const ys = [...boxes.flatMap((b) => [b.y - b.height / 2, b.y + b.height / 2]), ...edges.flatMap((e) => e.points.map((p) => p.y))];
  const left = Math.min(...xs) - 14, top = Math.min(...ys) - 14;
  return { boxes, edges, left, top, width: Math.max(...xs) + 14 - left, height: Math.max(...ys) + 14 - top };
}

function add(graph: any, machine: any, parent: string | undefined, prefix: string): void {
  const states: Record<string, any> = machine?.States ?? {};
  const terminal = (kind: string) => {
    const id = `${prefix}${kind}`;
    if (!graph.hasNode(id)) {
      graph.setNode(id, { label: kind === START ? "Start" : "End", type: "Terminal", width: 58, height: 28, group: false });
      if (parent) graph.setParent(id, parent);
    }
    return id;
  };
  for (const [name, state] of Object.entries(states)) {
    const inner = machines(state);
    const width = Math.max(120, name.length * 8 + 40);
    graph.setNode(name, { label: name, type: state.Type, width, height: 44, group: inner.length > 0 });
    if (parent) graph.setParent(name, parent);
    inner.forEach((machineInside, number) => add(graph, machineInside, name, `${name}/${number}/`));
  }
  const link = (from: string, to: string, label: string, kind: string) => {
    // dagre draws no edge to a group itself: it goes to the group's own start or end.
    const tail = graph.node(from)?.group ? `${from}/0/${END}` : from;
    const head = graph.node(to)?.group ? `${to}/0/${START}` : to;
    if (!graph.hasNode(tail) || !graph.hasNode(head)) return;
    const size = label ? { width: Math.min(label.length * 6, 150), height: 14 } : {};
    graph.setEdge(tail, head, { label, kind, labelpos: "c", ...size }, `${label}${kind}`);
  };
  if (parent) {
    terminal(START);
    terminal(END);
  }
  if (machine?.StartAt) link(terminal(START), machine.StartAt, "", "next");
  for (const [name, state] of Object.entries(states)) {
    if (state.Next) link(name, state.Next, "", "next");
    for (const choice of state.Choices ?? []) if (choice.Next) link(name, choice.Next, condition(choice), "next");
    if (state.Default) link(name, state.Default, "default", "next");
    for (const caught of state.Catch ?? []) link(name, caught.Next, "", "catch");
    if (state.End || state.Type === "Succeed" || state.Type === "Fail") link(name, terminal(END), "", "next");
  }
}

function machines(state: any): any[] {
  if (state.Type === "Parallel") return state.Branches ?? [];
  if (state.Type === "Map") return [state.ItemProcessor ?? state.Iterator].filter(Boolean);
  return [];
}

function condition(choice: any): string {
  const test = Object.keys(choice).find((key) => !["Variable", "Next", "Comment"].includes(key));
  if (!test) return "";
  const value = choice[test];
  if (typeof value === "object") return test.toLowerCase();
  return test.endsWith("Equals") ? `= ${value}` : test.startsWith("Is") ? test : `${test} ${value}`;
}
