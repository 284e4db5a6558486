import { ticks } from "./ticks";

export type Balance = Record<string, { unadjusted: number; weighted?: number }>;

const WIDTH = 520,
  LEFT = 140,
  RIGHT = 24,
  LINE = 24;
/** Below this a covariate counts as balanced. */
const BALANCED = 0.1;

/** How far treated and untreated differ in each covariate, before and after weighting (a Love plot). */
export function BalancePlot({ balance }: { balance: Balance }) {
  const size = (name: string) => Math.abs(balance[name]!.unadjusted);
  const names = Object.keys(balance)
    .sort((a, b) => size(b) - size(a))
    .slice(0, 24);
  if (!names.length) return null;
  const high =
    Math.max(BALANCED * 1.6, ...names.flatMap((name) => [size(name), Math.abs(balance[name]!.weighted ?? 0)])) * 1.04;
  const x = (value: number) => LEFT + (Math.abs(value) / high) * (WIDTH - LEFT - RIGHT);
  const height = names.length * LINE + 56;
  const words = names.map((name) => {
    const { unadjusted, weighted } = balance[name]!;
    return `${name} ${Math.abs(unadjusted).toFixed(2)}${weighted === undefined ? "" : `, weighted ${Math.abs(weighted).toFixed(2)}`}`;
  });
  return (
    <figure>
      <figcaption>Covariate balance: standardized mean difference</figcaption>
      <svg
        class="chart balance"
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label={`Covariate balance: ${words.join("; ")}`}
      >
        <rect class="balanced" x={x(0)} y="22" width={x(BALANCED) - x(0)} height={height - 48} />
        <g class="legend">
          <circle class="unadjusted" cx={LEFT + 6} cy="10" r="4.5" />
          <text x={LEFT + 16} y="14">
            as it is
          </text>
          <circle class="weighted" cx={LEFT + 96} cy="10" r="4.5" />
          <text x={LEFT + 106} y="14">
            weighted
          </text>
          <text x={LEFT + 190} y="14">
            shaded: balanced
          </text>
        </g>
        {names.map((name, row) => {
          const y = row * LINE + 36;
          const { unadjusted, weighted } = balance[name]!;
          return (
            <g key={name}>
              <text x="4" y={y + 4}>
                {name.length > 18 ? `${name.slice(0, 17)}…` : name}
              </text>
              <line class="guide" x1={x(0)} x2={WIDTH - RIGHT} y1={y} y2={y} />
              {weighted !== undefined && <line class="move" x1={x(unadjusted)} x2={x(weighted)} y1={y} y2={y} />}
              <circle class="unadjusted" cx={x(unadjusted)} cy={y} r="4.5" />
              {weighted !== undefined && <circle class="weighted" cx={x(weighted)} cy={y} r="4.5" />}
            </g>
          );
        })}
        {ticks(0, high).map((value) => (
          <text key={value} class="tick" x={x(value)} y={height - 8} text-anchor="middle">
            {value}
          </text>
        ))}
      </svg>
    </figure>
  );
}
