# /// script
# requires-python = ">=3.12"
# dependencies = ["dowhy==0.14"]
# ///
"""Writes what DoWhy says of 500 random graphs to dowhy_graphs.json beside this file.

uv run tests/oracles/dowhy_graphs.py
"""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import networkx as nx
from dowhy.causal_identifier import AutoIdentifier, EstimandType
from dowhy.causal_identifier.auto_identifier import identify_frontdoor
from dowhy.graph import get_instruments

GRAPHS = 500


def random_graph(seed: int) -> tuple[nx.DiGraph[str], list[str]]:
    """Return a graph in which T causes Y, directly or not, and its unobserved nodes."""
    chance = random.Random(seed)
    while True:
        size = chance.randint(3, 8)
        order = ["T", "Y", *(f"X{n}" for n in range(size - 2))]
        chance.shuffle(order)
        density = chance.uniform(0.2, 0.6)
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(order)
        for at, cause in enumerate(order):
            for effect in order[at + 1 :]:
                if chance.random() < density:
                    graph.add_edge(cause, effect)
        unseen = chance.uniform(0.2, 0.7)
        hidden = [n for n in order if n not in "TY" and chance.random() < unseen]
        if nx.has_path(graph, "T", "Y"):
            return graph, sorted(hidden)


def main() -> None:
    warnings.simplefilter("ignore")
    found = []
    for seed in range(GRAPHS):
        graph, hidden = random_graph(seed)
        observed = [n for n in graph if n not in hidden]
        identifier = AutoIdentifier(EstimandType.NONPARAMETRIC_ATE)
        sets = identifier.identify_backdoor(graph, ["T"], ["Y"], observed)
        found.append(
            {
                "edges": sorted(map(list, graph.edges)),
                "unobserved": hidden,
                "back_door_sets": sorted(sorted(s.get_adjustment_variables()) for s in sets),
                "instruments": sorted(set(get_instruments(graph, ["T"], ["Y"])) & set(observed)),
                "front_door": sorted(identify_frontdoor(graph, ["T"], ["Y"], observed) or []),
            }
        )
    path = Path(__file__).with_name("dowhy_graphs.json")
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in found) + "\n]\n")


if __name__ == "__main__":
    main()
