"""What a causal graph says of an effect: by what it is identified, or which path stays open.

Pearl, Causality (2009): back door (3.3.1), front door (3.3.2), instruments (7.4); for effects that
none of these gives, Tian and Pearl, "A general identification condition" (AAAI 2002).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import networkx as nx

from tools.dataset import ToolError
from tools.findings import STOPS, finding

type Graph = nx.DiGraph[str]
type Pairs = nx.Graph[str]

#: Sets of more mediators than this are not looked for.
MAX_FRONT_DOOR = 4


def identify_adjustment_set(
    treatment: str,
    outcome: str,
    edges: list[list[str]],
    unobserved: list[str] | None = None,
    proposed: list[str] | None = None,
) -> dict[str, Any]:
    """Return by what the effect is identified, with a minimal set, or the path that stays open.

    ``by`` is ``back-door``, ``front-door``, ``instrument`` (for a linear effect), ``other`` (it
    follows from the graph, by a formula that no tool here estimates) or ``none``.

    Args:
        edges: ``[cause, effect]`` pairs of the graph.
        unobserved: nodes that cannot be adjusted for.
        proposed: a set to check; what is wrong with it is told as ``refused``.
    """
    graph = make_graph(treatment, outcome, edges)
    hidden = set(unobserved or [])
    if not nx.has_path(graph, treatment, outcome):
        raise ToolError(f"The graph has no path from {treatment} to {outcome}: there is no effect")
    back_door = _back_door(graph, treatment, outcome, hidden)
    answer: dict[str, Any] = {
        "identified": back_door is not None,
        "by": "none" if back_door is None else "back-door",
        "adjustment_set": sorted(back_door or []),
        "instruments": instruments(graph, treatment, outcome, hidden),
        "front_door": front_door(graph, treatment, outcome, hidden),
    }
    if proposed is not None:
        answer["refused"] = wrong_adjustment(graph, treatment, outcome, proposed, hidden)
    if back_door is not None:
        return answer
    path = open_path(graph, treatment, outcome, hidden)
    words = " ".join(path)
    answer["open_path"] = path
    if answer["front_door"]:
        through = ", ".join(answer["front_door"])
        answer |= {"identified": True, "by": "front-door"}
        answer["note"] = (
            f"No set of observed columns blocks {words}; the effect is identified through "
            f"{through} (front door), which no tool here estimates."
        )
    elif answer["instruments"]:
        answer |= {"identified": True, "by": "instrument"}
        answer["note"] = (
            f"No set of observed columns blocks {words}; with the instrument "
            f"{answer['instruments'][0]['column']} a linear effect is identified: estimate_effect "
            "with instrument."
        )
    elif identifiable(graph, treatment, outcome, hidden):
        answer |= {"identified": True, "by": "other"}
        answer["note"] = (
            f"No set of observed columns blocks {words}. The effect follows from the graph all the "
            "same, by a formula that no tool here estimates."
        )
    else:
        answer["note"] = (
            f"the effect is not identifiable: {words} stays open whatever observed columns are "
            "adjusted for. Measuring what lies on it, or an instrument, would help."
        )
        answer["findings"] = [finding("identification", STOPS, answer["note"])]
    return answer


def make_graph(treatment: str, outcome: str, edges: list[list[str]]) -> Graph:
    """Return the graph of these edges.

    Raises:
        ToolError: it has a cycle, or treatment and outcome are one.
    """
    if any(len(edge) != 2 for edge in edges):
        raise ToolError("Every edge should be a pair [cause, effect]")
    graph: Graph = nx.DiGraph([(cause, effect) for cause, effect in edges])
    graph.add_nodes_from([treatment, outcome])
    if treatment == outcome:
        raise ToolError("Treatment and outcome should be different columns")
    if not nx.is_directed_acyclic_graph(graph):
        cycle = " -> ".join(str(edge[0]) for edge in nx.find_cycle(graph))
        raise ToolError(f"The graph has a cycle ({cycle}); causes cannot run in a circle")
    return graph


def check_adjustment(
    treatment: str, outcome: str, adjust: list[str], edges: list[list[str]], unobserved: list[str]
) -> None:
    """Raise :class:`ToolError` for a set that, by this graph, must not be adjusted for."""
    graph = make_graph(treatment, outcome, edges)
    wrong = wrong_adjustment(graph, treatment, outcome, adjust, set(unobserved))
    if wrong:
        found = _back_door(graph, treatment, outcome, set(unobserved))
        instead = "No other set does." if found is None else f"Adjust for {sorted(found)} instead."
        raise ToolError(f"By your graph this adjustment set is wrong: {' '.join(wrong)} {instead}")


def wrong_adjustment(
    graph: Graph, treatment: str, outcome: str, adjust: list[str], hidden: set[str]
) -> list[str]:
    """Return what is wrong with an adjustment set, a sentence each."""
    wrong = []
    descendants = _effects(graph, treatment)
    for name in adjust:
        if name in hidden:
            wrong.append(f"{name} is not observed.")
        elif name in descendants:
            wrong.append(f"{name} is caused by {treatment}.")
    inside = set(adjust) & set(graph)
    if not wrong and not nx.is_d_separator(_cut(graph, treatment), {treatment}, {outcome}, inside):
        path = _active_path(_cut(graph, treatment), treatment, outcome, inside)
        colliders = [
            path[at] for at in range(2, len(path) - 2, 2) if path[at - 1 : at + 2 : 2] == ["→", "←"]
        ]
        because = (
            f", since {', '.join(colliders)} is a collider on it: adjusting for it, or for what it "
            "causes, opens the path"
            if colliders
            else ""
        )
        wrong.append(f"{' '.join(path)} stays open{because}.")
    return wrong


def instruments(
    graph: Graph, treatment: str, outcome: str, hidden: set[str]
) -> list[dict[str, Any]]:
    """Return the observed causes of the treatment that reach the outcome through it alone.

    ``given`` are columns to adjust for with it (a conditional instrument).
    """
    cut = _cut(graph, treatment)
    after = _effects(graph, treatment)
    found = []
    for name in sorted(set(graph.predecessors(treatment)) - hidden):
        allowed = set(graph) - {name, treatment, outcome} - after - hidden
        given = nx.find_minimal_d_separator(cut, {name}, {outcome}, restricted=allowed)
        if given is not None:
            found.append({"column": name, "given": sorted(given)})
    return sorted(found, key=lambda one: len(one["given"]))


def front_door(graph: Graph, treatment: str, outcome: str, hidden: set[str]) -> list[str]:
    """Return the smallest set of mediators that gives the effect, or none."""
    cut = _cut(graph, treatment)
    between = (_effects(graph, treatment) & _causes(graph, outcome)) - hidden
    clean = sorted(m for m in between if nx.is_d_separator(cut, {treatment}, {m}, set()))
    for size in range(1, min(len(clean), MAX_FRONT_DOOR) + 1):
        for mediators in combinations(clean, size):
            rest = graph.copy()
            rest.remove_nodes_from(mediators)
            if nx.has_path(rest, treatment, outcome):
                continue
            without = graph.copy()
            without.remove_edges_from([e for m in mediators for e in graph.out_edges(m)])
            if nx.is_d_separator(without, set(mediators), {outcome}, {treatment}):
                return list(mediators)
    return []


def identifiable(graph: Graph, treatment: str, outcome: str, hidden: set[str]) -> bool:
    """Return whether the effect follows from the graph and the observed columns at all."""
    observed = set(graph) - hidden
    directed, confounded = _projection(graph, observed)
    without = directed.subgraph(observed - {treatment})
    needed = _causes(without, outcome) | {outcome}
    whole = _districts(confounded, observed)
    for part in _districts(confounded, needed):
        around = next(district for district in whole if part <= district)
        if not _follows(directed, confounded, part, around):
            return False
    return True


def open_path(graph: Graph, treatment: str, outcome: str, hidden: set[str]) -> list[str]:
    """Return a back-door path that no observed set blocks, as nodes and arrows."""
    cut = _cut(graph, treatment)
    relevant = _causes(graph, outcome) | _causes(graph, treatment)
    # If any set does, this one blocks every path: the relevant columns that are not effects.
    best = (relevant - _effects(graph, treatment)) - hidden - {treatment, outcome}
    return _active_path(cut, treatment, outcome, best)


def _effects(graph: Graph, node: str) -> set[str]:
    return nx.descendants(graph, node)


def _causes(graph: Graph, node: str) -> set[str]:
    return nx.ancestors(graph, node)


def _cut(graph: Graph, treatment: str) -> Graph:
    """Return the graph without what the treatment causes: its back doors are what is left."""
    cut = graph.copy()
    cut.remove_edges_from(list(graph.out_edges(treatment)))
    return cut


def _back_door(graph: Graph, treatment: str, outcome: str, hidden: set[str]) -> set[str] | None:
    allowed = set(graph) - {treatment, outcome} - _effects(graph, treatment) - hidden
    found: set[str] | None = nx.find_minimal_d_separator(
        _cut(graph, treatment), {treatment}, {outcome}, restricted=allowed
    )
    return found


def _active_path(graph: Graph, start: str, end: str, given: set[str]) -> list[str]:
    """Return the shortest path that is open given these nodes, as nodes and arrows."""
    opened = given | {a for node in given & set(graph) for a in _causes(graph, node)}
    # Of a step it matters whether it came along an arrow: (node, came along).
    first = (start, False)
    before: dict[tuple[str, bool], tuple[str, bool] | None] = {first: None}
    queue = [first]
    for node, along in queue:
        if node == end and node != start:
            return _drawn(graph, before, (node, along))
        steps = []
        if node == start or node not in given:
            steps += [(child, True) for child in graph.successors(node)]
        passes_up = node in opened if along else node not in given
        if node == start or passes_up:
            steps += [(parent, False) for parent in graph.predecessors(node)]
        for step in sorted(steps):
            if step not in before:
                before[step] = (node, along)
                queue.append(step)
    return []


def _drawn(
    graph: Graph, before: dict[tuple[str, bool], tuple[str, bool] | None], last: tuple[str, bool]
) -> list[str]:
    path = [last[0]]
    step = last
    while (earlier := before[step]) is not None:
        path[:0] = [earlier[0], "→" if step[1] else "←"]
        step = earlier
    return path


def _projection(graph: Graph, observed: set[str]) -> tuple[Graph, Pairs]:
    """Return the graph of the observed nodes: arrows, and pairs that something unseen causes."""
    directed: Graph = nx.DiGraph()
    directed.add_nodes_from(observed)
    confounded: Pairs = nx.Graph()
    confounded.add_nodes_from(observed)
    reached = {node: _first_observed(graph, node, observed) for node in graph}
    for node in observed:
        directed.add_edges_from((node, effect) for effect in reached[node])
    for node in set(graph) - observed:
        confounded.add_edges_from(combinations(sorted(reached[node]), 2))
    return directed, confounded


def _first_observed(graph: Graph, node: str, observed: set[str]) -> set[str]:
    found: set[str] = set()
    queue = list(graph.successors(node))
    seen = set(queue)
    for effect in queue:
        if effect in observed:
            found.add(effect)
            continue
        new = set(graph.successors(effect)) - seen
        seen |= new
        queue += sorted(new)
    return found


def _districts(confounded: Pairs, nodes: set[str]) -> list[set[str]]:
    return [set(part) for part in nx.connected_components(confounded.subgraph(nodes))]


def _follows(directed: Graph, confounded: Pairs, part: set[str], around: set[str]) -> bool:
    """Return whether a part's distribution follows from that of the district around it."""
    inside = directed.subgraph(around)
    ancestors = set(part).union(*(_causes(inside, node) for node in part))
    if ancestors == part:
        return True
    if ancestors == around:
        return False
    smaller = next(d for d in _districts(confounded, ancestors) if part <= d)
    return _follows(directed, confounded, part, smaller)
