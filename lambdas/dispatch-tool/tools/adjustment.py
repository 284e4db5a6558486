"""Back-door adjustment sets from a causal graph.

Pearl, Causality (2009), section 3.3: a set blocks every back-door path and holds no descendant
of the treatment.
"""

from __future__ import annotations

from typing import Any

import networkx as nx

from tools.dataset import ToolError


def identify_adjustment_set(
    treatment: str, outcome: str, edges: list[list[str]], unobserved: list[str] | None = None
) -> dict[str, Any]:
    """Return a minimal adjustment set, or say that the effect is not identified by one.

    Args:
        edges: ``[cause, effect]`` pairs of the graph.
        unobserved: nodes that cannot be adjusted for.
    """
    if any(len(edge) != 2 for edge in edges):
        raise ToolError("Every edge should be a pair [cause, effect]")
    graph = nx.DiGraph([(cause, effect) for cause, effect in edges])
    graph.add_nodes_from([treatment, outcome])
    if treatment == outcome:
        raise ToolError("Treatment and outcome should be different columns")
    if not nx.is_directed_acyclic_graph(graph):
        cycle = " -> ".join(str(edge[0]) for edge in nx.find_cycle(graph))
        raise ToolError(f"The graph has a cycle ({cycle}); causes cannot run in a circle")
    if not nx.has_path(graph, treatment, outcome):
        raise ToolError(f"The graph has no path from {treatment} to {outcome}: there is no effect")
    back_door = graph.copy()
    back_door.remove_edges_from(list(graph.out_edges(treatment)))
    descendants = nx.descendants(graph, treatment)
    allowed = set(graph) - {treatment, outcome} - descendants - set(unobserved or [])
    found = nx.find_minimal_d_separator(back_door, {treatment}, {outcome}, restricted=allowed)
    if found is None:
        return {
            "identified": False,
            "adjustment_set": [],
            "note": "No set of observed columns blocks every back-door path.",
        }
    return {"identified": True, "adjustment_set": sorted(found)}
