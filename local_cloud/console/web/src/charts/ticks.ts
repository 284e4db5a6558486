/** Round values over a range, zero among them. */
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 4 || 1;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * magnitude).find((n) => n >= rough) ?? rough;
  const found: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(Number((n * step).toPrecision(6)));
  return found;
}
