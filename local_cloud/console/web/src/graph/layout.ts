/** A state machine's definition as a laid out graph, nested states and all. */

import dagre from "@dagrejs/dagre";
import { inner } from "../asl";
import type { Machine } from "../types";

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  id: string;
  label: string;
  type: string;
  width: number;
  height: number;
  group: boolean;
}

export interface Edge {
  points: Point[];
  label: string;
  kind: "next" | "catch";
  /** The states that it joins; from a Start, the state around it or none; to an End, none. */
  from?: string;
  to?: string;
}

export interface Layout {
  boxes: Box[];
  edges: Edge[];
  left: number;
  top: number;
  width: number;
  height: number;
}

const START = "▶start",
  END = "■end";
const MARGIN = 14;

/** Lay a definition out, from top to bottom. */
export function layout(definition: Machine): Layout {
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 34, ranksep: 18, marginx: 16, marginy: 16 });
  add(graph, definition, undefined, "");
  dagre.layout(graph);
  const boxes = graph.nodes().map((id) => ({ id, ...(graph.node(id) as object) }) as Box);
  const edges = graph.edges().map((edge) => graph.edge(edge) as unknown as Edge);
  // Edges back to an earlier state swing out further than the layout's own measure.
  const points = edges.flatMap((edge) => edge.points);
  const xs = [...boxes.flatMap((b) => [b.x - b.width / 2, b.x + b.width / 2]), ...points.map((p) => p.x)];
  const ys = [...boxes.flatMap((b) => [b.y - b.height / 2, b.y + b.height / 2]), ...points.map((p) => p.y)];
  const left = Math.min(...xs) - MARGIN,
    top = Math.min(...ys) - MARGIN;
  return { boxes, edges, left, top, width: Math.max(...xs) + MARGIN - left, height: Math.max(...ys) + MARGIN - top };
}

function add(graph: any, machine: Machine, parent: string | undefined, prefix: string): void {
  const states = Object.entries(machine?.States ?? {});
  const terminal = (kind: string) => {
    const id = `${prefix}${kind}`;
    if (!graph.hasNode(id)) {
      graph.setNode(id, {
        label: kind === START ? "Start" : "End",
        type: "Terminal",
        width: 58,
        height: 26,
        group: false,
      });
      if (parent) graph.setParent(id, parent);
    }
    return id;
  };
  for (const [name, state] of states) {
    const machines = inner(state);
    const width = Math.max(120, name.length * 8 + 40);
    graph.setNode(name, { label: name, type: state.Type, width, height: 44, group: machines.length > 0 });
    if (parent) graph.setParent(name, parent);
    machines.forEach((machineInside, number) => add(graph, machineInside, name, `${name}/${number}/`));
  }
  // dagre draws no edge to a group itself: it goes to a start or an end inside.
  const tailOf = (name: string) => (graph.node(name)?.group ? `${name}/0/${END}` : name);
  const headOf = (name: string) => (graph.node(name)?.group ? `${name}/0/${START}` : name);
  const draw = (tail: string, head: string, edge: Omit<Edge, "points">) => {
    if (!graph.hasNode(tail) || !graph.hasNode(head)) return;
    // Which of several choices led to the same state, the history does not tell: they are one way.
    const known: Edge | undefined = graph.edge(tail, head, edge.kind);
    const label = [known?.label, edge.label].filter(Boolean).join(", ");
    const size = label ? { width: Math.min(label.length * 6, 150), height: 14 } : {};
    graph.setEdge(tail, head, { ...edge, label, labelpos: "c", ...size }, edge.kind);
  };
  const link = (from: string, to: string, label = "", kind: Edge["kind"] = "next") =>
    draw(tailOf(from), headOf(to), { from, to, label, kind });
  if (parent) {
    terminal(START);
    terminal(END);
  }
  if (machine?.StartAt)
    draw(terminal(START), headOf(machine.StartAt), { from: parent, to: machine.StartAt, label: "", kind: "next" });
  for (const [name, state] of states) {
    if (state.Next) link(name, state.Next);
    for (const choice of state.Choices ?? [])
      if (typeof choice.Next === "string") link(name, choice.Next, condition(choice));
    if (state.Default) link(name, state.Default, "default");
    for (const caught of state.Catch ?? []) link(name, caught.Next, "", "catch");
    if (state.End || state.Type === "Succeed" || state.Type === "Fail") {
      draw(tailOf(name), terminal(END), { from: name, to: undefined, label: "", kind: "next" });
    }
  }
}

function condition(choice: Record<string, unknown>): string {
  const test = Object.keys(choice).find((key) => !["Variable", "Next", "Comment", "Assign"].includes(key));
  if (!test) return "";
  const value = choice[test];
  if (typeof value === "object") return test.toLowerCase();
  return test.endsWith("Equals") ? `= ${value}` : test.startsWith("Is") ? test : `${test} ${value}`;
}
