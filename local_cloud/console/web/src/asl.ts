import type { Machine, State } from "./types";

/** Return the machines inside a state: a Parallel's branches, a Map's processor. */
export function inner(state: State): Machine[] {
  if (state.Type === "Parallel") return state.Branches ?? [];
  if (state.Type === "Map") return [state.ItemProcessor ?? state.Iterator].filter((machine) => machine !== undefined);
  return [];
}

/** Return a state by its name, which is one of a kind within a machine, however deep it lies. */
export function findState(machine: Machine | undefined, name: string): State | undefined {
  for (const [key, state] of Object.entries(machine?.States ?? {})) {
    if (key === name) return state;
    for (const machineInside of inner(state)) {
      const found = findState(machineInside, name);
      if (found) return found;
    }
  }
  return undefined;
}
