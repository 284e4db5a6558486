/** Two executions side by side: which pass of one stands against which of the other. */

import { diffArrays, diffLines } from "diff";
import type { Visit } from "../../history";

/** One line of the comparison; a pass that only one of them has stands alone. */
export interface Pair {
  left?: Visit;
  right?: Visit;
}

const MOST = 2000;

/** Align the passes by the names of their states, in order. Of long histories the first 2,000 passes are. */
export function align(left: Visit[], right: Visit[]): Pair[] {
  const pairs: Pair[] = [];
  const one = left.slice(0, MOST),
    other = right.slice(0, MOST);
  let l = 0,
    r = 0;
  for (const part of diffArrays(
    one.map((visit) => visit.name),
    other.map((visit) => visit.name),
  )) {
    for (let n = 0; n < part.value.length; n++) {
      pairs.push({ left: part.added ? undefined : one[l++], right: part.removed ? undefined : other[r++] });
    }
  }
  return pairs;
}

/** Where the executions part: the first pair that is not the same state with the same outcome. */
export function parting(pairs: Pair[]): Pair | undefined {
  return pairs.find(({ left, right }) => !left || !right || left.status !== right.status);
}

export interface DiffLine {
  text: string;
  side: "both" | "left" | "right";
}

export function difference(left: string, right: string): DiffLine[] {
  return diffLines(left, right).flatMap((part) => {
    const side = part.added ? "right" : part.removed ? "left" : "both";
    return part.value
      .replace(/\n$/, "")
      .split("\n")
      .map((text): DiffLine => ({ text, side }));
  });
}
