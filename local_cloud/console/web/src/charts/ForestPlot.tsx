import { number } from "../format";
import { methodName } from "../result/methods";
import { ticks } from "./ticks";

export interface Estimate {
  estimate: number;
  std_error: number;
  ci_low: number;
  ci_high: number;
  n: number;
  ratio?: { estimate: number; ci_low: number; ci_high: number };
}

const WIDTH = 520,
  LEFT = 140,
  RIGHT = 24,
  LINE = 36;

/** Effect estimates with their 95% intervals, a line each, against no effect. */
export function ForestPlot({
  title = "Effect, with 95% confidence intervals",
  estimates,
  headline,
}: {
  title?: string;
  estimates: Record<string, Estimate>;
  headline?: string;
}) {
  const rows = Object.entries(estimates);
  if (!rows.length) return null;
  const low = Math.min(0, ...rows.map(([, e]) => e.ci_low));
  const high = Math.max(0, ...rows.map(([, e]) => e.ci_high));
  const pad = (high - low) * 0.04 || 1;
  const x = (value: number) => LEFT + ((value - low + pad) / (high - low + 2 * pad)) * (WIDTH - LEFT - RIGHT);
  const height = rows.length * LINE + 36;
  const words = rows.map(
    ([name, e]) => `${methodName(name)} ${number(e.estimate)}, from ${number(e.ci_low)} to ${number(e.ci_high)}`,
  );
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <svg class="chart" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={`Forest plot: ${words.join("; ")}`}>
        <line class="zero" x1={x(0)} x2={x(0)} y1="4" y2={height - 24} />
        {rows.map(([name, e], row) => {
          const y = row * LINE + 24;
          return (
            <g key={name} class={name === headline ? "headline" : ""}>
              <text x="4" y={y + 4}>
                {methodName(name)}
              </text>
              <line class="interval" x1={x(e.ci_low)} x2={x(e.ci_high)} y1={y} y2={y} />
              <path class="cap" d={`M${x(e.ci_low)} ${y - 5}v10M${x(e.ci_high)} ${y - 5}v10`} />
              <rect class="point" x={x(e.estimate) - 5} y={y - 5} width="10" height="10" />
              <text class="value" x={x(e.estimate)} y={y - 9} text-anchor="middle">
                {number(e.estimate)}
              </text>
            </g>
          );
        })}
        {ticks(low, high).map((value) => (
          <text key={value} class="tick" x={x(value)} y={height - 8} text-anchor="middle">
            {value.toLocaleString()}
          </text>
        ))}
      </svg>
    </figure>
  );
}
