/** A state machine's definition as a laid out graph, nested states and all. */

import type { ElkEdgeSection, ElkExtendedEdge, ElkNode, ELK } from "elkjs/lib/elk-api";
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
  /** Where the label's middle is. */
  at?: Point;
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
const LETTER = 6;
/** A label is no longer than this, in letters. */
const MOST = 30;

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.cycleBreaking.strategy": "MODEL_ORDER",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.feedbackEdges": "true",
  "elk.layered.edgeLabels.sideSelection": "ALWAYS_DOWN",
  // A label stands beside the split that it explains.
  "elk.layered.edgeLabels.centerLabelPlacementStrategy": "TAIL_LAYER",
  "elk.layered.spacing.nodeNodeBetweenLayers": "34",
  "elk.layered.spacing.edgeNodeBetweenLayers": "14",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "10",
  "elk.spacing.nodeNode": "34",
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "12",
  "elk.spacing.edgeLabel": "3",
  "elk.padding": "[top=16,left=16,bottom=16,right=16]",
};
const GROUP = { "elk.padding": "[top=34,left=18,bottom=18,right=18]" };

let engine: Promise<ELK> | undefined;

/** The layout's engine is large: it is loaded when a graph is first drawn. */
function elk(): Promise<ELK> {
  engine ??= import("elkjs/lib/elk.bundled.js").then(({ default: Elk }) => new Elk());
  return engine;
}

type Node = ElkNode & { label: string; type: string };
type Way = ElkExtendedEdge & Omit<Edge, "points">;

/** Lay a definition out, from top to bottom. */
export async function layout(definition: Machine): Promise<Layout> {
  const edges = new Map<string, Way>();
  const children = nodes(definition, undefined, "", edges);
  const known = new Set(children.flatMap(idsOf));
  const drawn = [...edges.values()].filter((way) => known.has(way.sources[0]!) && known.has(way.targets[0]!));
  const root = await (await elk()).layout({ id: "", layoutOptions: OPTIONS, children, edges: drawn });
  const places = new Map<string, Point>([["", { x: 0, y: 0 }]]);
  const boxes = (root.children ?? []).flatMap((node) => boxesOf(node as Node, { x: 0, y: 0 }, places));
  const ways = (root.edges ?? []).map((way) => drawnWay(way as Way, places));
  const points = ways.flatMap((way) => way.points);
  const xs = [...boxes.flatMap((b) => [b.x - b.width / 2, b.x + b.width / 2]), ...points.map((p) => p.x)];
  const ys = [...boxes.flatMap((b) => [b.y - b.height / 2, b.y + b.height / 2]), ...points.map((p) => p.y)];
  const left = Math.min(...xs) - MARGIN,
    top = Math.min(...ys) - MARGIN;
  const width = Math.max(...xs) + MARGIN - left,
    height = Math.max(...ys) + MARGIN - top;
  return { boxes, edges: ways, left, top, width, height };
}

/** The states of a machine as nodes; the ways between them are added to `edges`. */
function nodes(machine: Machine, parent: string | undefined, prefix: string, edges: Map<string, Way>): Node[] {
  const states = Object.entries(machine?.States ?? {});
  const found: Node[] = [];
  const terminal = (kind: string) => {
    const id = `${prefix}${kind}`;
    if (!found.some((node) => node.id === id)) {
      const label = kind === START ? "Start" : "End";
      const node = { id, label, type: "Terminal", width: 58, height: 26 };
      // The start is drawn first, the end last.
      const layoutOptions = { "elk.layered.layering.layerConstraint": kind === START ? "FIRST" : "NONE" };
      if (kind === START) found.unshift({ ...node, layoutOptions: parent ? {} : layoutOptions });
      else found.push(node);
    }
    return id;
  };
  const draw = (tail: string, head: string, { label, ...edge }: Omit<Edge, "points">) => {
    // Which of several choices led to the same state, the history does not tell: they are one way.
    const id = `${tail}\n${head}\n${edge.kind}`;
    const known = edges.get(id);
    const both = [known?.label, label].filter(Boolean).join(", ");
    const words = both.length > MOST ? `${both.slice(0, MOST - 1)}…` : both;
    const labels = words ? [{ text: words, width: words.length * LETTER + 4, height: 14 }] : [];
    edges.set(id, { id, sources: [tail], targets: [head], labels, label: words, ...edge });
  };
  if (machine?.StartAt)
    draw(terminal(START), machine.StartAt, { from: parent, to: machine.StartAt, label: "", kind: "next" });
  for (const [name, state] of states) {
    const machines = inner(state);
    const width = Math.max(120, name.length * 8 + 40);
    const inside = machines.flatMap((one, number) => nodes(one, name, `${name}/${number}/`, edges));
    const size = inside.length ? { children: inside, layoutOptions: GROUP } : { width, height: 44 };
    found.push({ id: name, label: name, type: state.Type, ...size });
  }
  const link = (from: string, to: string, label = "", kind: Edge["kind"] = "next") =>
    draw(from, to, { from, to, label, kind });
  for (const [name, state] of states) {
    if (state.Next) link(name, state.Next);
    for (const choice of state.Choices ?? [])
      if (typeof choice.Next === "string") link(name, choice.Next, condition(choice));
    if (state.Default) link(name, state.Default, "default");
    for (const caught of state.Catch ?? []) link(name, caught.Next, "", "catch");
    if (state.End || state.Type === "Succeed" || state.Type === "Fail") {
      draw(name, terminal(END), { from: name, to: undefined, label: "", kind: "next" });
    }
  }
  return found;
}

function idsOf(node: Node): string[] {
  return [node.id, ...((node.children as Node[] | undefined) ?? []).flatMap(idsOf)];
}

function boxesOf(node: Node, around: Point, places: Map<string, Point>): Box[] {
  const corner = { x: around.x + (node.x ?? 0), y: around.y + (node.y ?? 0) };
  const { id, label, type, width = 0, height = 0 } = node;
  const group = (node.children?.length ?? 0) > 0;
  places.set(id, corner);
  const own = { id, label, type, width, height, group, x: corner.x + width / 2, y: corner.y + height / 2 };
  return [own, ...((node.children as Node[] | undefined) ?? []).flatMap((one) => boxesOf(one, corner, places))];
}

function drawnWay(way: Way, places: Map<string, Point>): Edge {
  // Its points are told from the corner of the node that holds both its ends.
  const corner = places.get((way as { container?: string }).container ?? "") ?? { x: 0, y: 0 };
  const moved = ({ x, y }: Point) => ({ x: x + corner.x, y: y + corner.y });
  const points = (way.sections ?? []).flatMap(pointsOf).map(moved);
  const label = way.labels?.[0];
  const at = label && moved({ x: label.x! + label.width! / 2, y: label.y! + label.height! / 2 });
  const { from, to, kind } = way;
  return { points, label: way.label, at, kind, from, to };
}

function pointsOf(section: ElkEdgeSection): Point[] {
  return [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
}

const NOT_TESTED = ["Variable", "Next", "Comment", "Assign", "Output"];

function condition(choice: Record<string, unknown>): string {
  const test = Object.keys(choice).find((key) => !NOT_TESTED.includes(key));
  if (!test) return "";
  const value = choice[test];
  if (test === "Condition") return String(value).replace(/^\{%\s*|\s*%\}$/g, "");
  if (typeof value === "object") return test.toLowerCase();
  return test.endsWith("Equals") ? `= ${value}` : test.startsWith("Is") ? test : `${test} ${value}`;
}
