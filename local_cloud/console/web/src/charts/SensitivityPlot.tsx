import { number } from "../format";
import { ticks } from "./ticks";

interface Strength {
  r2_treatment: number;
  r2_outcome: number;
  estimate: number;
}

export interface Sensitivity {
  e_value?: number;
  e_value_ci?: number;
  robustness_value?: number;
  robustness_value_ci?: number;
  regression?: { estimate: number; std_error: number; degrees_of_freedom: number };
  benchmarks?: { covariate: string; adjusted: Record<string, Strength> }[];
}

const WIDTH = 520,
  HEIGHT = 300,
  LEFT = 52,
  RIGHT = 24,
  TOP = 14,
  BOTTOM = 44;
/** Where, of the length of an axis, something is drawn that lies beyond it. */
const EDGE = 0.92;
const LEVELS = [0.75, 0.5, 0.25, 0];

/** What an unmeasured confounder would leave of the estimate, by its strength (Cinelli and Hazlett, 2020). */
export function SensitivityPlot({ sensitivity }: { sensitivity: Sensitivity }) {
  const { regression, robustness_value: value, benchmarks = [] } = sensitivity;
  if (!regression || value === undefined) return null;
  const marks = benchmarks
    .slice(0, 1)
    .flatMap(({ covariate, adjusted }) =>
      Object.entries(adjusted).map(([times, strength]) => ({ name: `${times}× ${covariate}`, ...strength })),
    );
  const fits = (n: number) => Math.min(0.98, Math.max(0.02, n));
  // A covariate far stronger than would be needed is drawn at the edge, so that the curves are seen.
  const side = (strengths: number[]) =>
    fits(Math.max(value * 1.8, Math.min(value * 4, Math.max(0, ...strengths) * 1.15)));
  const wide = side(marks.map((mark) => mark.r2_treatment));
  const high = side(marks.map((mark) => mark.r2_outcome));
  const beyond = (mark: Strength) => mark.r2_treatment > wide || mark.r2_outcome > high;
  const shown = marks.filter((mark) => !beyond(mark) || mark.name.startsWith("1×"));
  const x = (r2: number) => LEFT + (r2 / wide) * (WIDTH - LEFT - RIGHT);
  const y = (r2: number) => HEIGHT - BOTTOM - (r2 / high) * (HEIGHT - TOP - BOTTOM);
  const unit = regression.std_error * Math.sqrt(regression.degrees_of_freedom);
  // The bias is unit * sqrt(outcome * treatment / (1 - treatment)): each level is one curve.
  const curves = LEVELS.map((left) => {
    const bias = (Math.abs(regression.estimate) * (1 - left)) / unit;
    const points = Array.from({ length: 120 }, (_, n) => ((n + 1) / 120) * wide)
      .map((treatment) => ({ treatment, outcome: (bias ** 2 * (1 - treatment)) / treatment }))
      .filter(({ outcome }) => outcome <= high);
    // A curve is named where it crosses the diagonal, where the curves are apart.
    const middle = points.find((p) => p.outcome / high <= p.treatment / wide);
    return { left, points, middle };
  });
  const words = marks.map((mark) => `as strong as ${mark.name}: ${number(mark.estimate)}`);
  return (
    <figure>
      <figcaption>
        Sensitivity: what something not measured would leave of {number(regression.estimate)} (OLS)
      </figcaption>
      <svg
        class="chart sensitivity"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Sensitivity contours: robustness value ${(value * 100).toFixed(1)}%; ${words.join("; ")}`}
      >
        <path class="axis" d={`M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}`} />
        {curves.map(
          ({ left, points, middle }) =>
            points.length > 1 && (
              <g key={left} class={left === 0 ? "zero-effect" : ""}>
                <path class="contour" d={`M${points.map((p) => `${x(p.treatment)} ${y(p.outcome)}`).join("L")}`} />
                {middle && (
                  <text class="value" x={x(middle.treatment) + 4} y={y(middle.outcome) - 2}>
                    {left === 0 ? "nothing left" : number(regression.estimate * left)}
                  </text>
                )}
              </g>
            ),
        )}
        {shown.map((mark) => {
          const [cx, cy] = [x(Math.min(mark.r2_treatment, wide * EDGE)), y(Math.min(mark.r2_outcome, high * EDGE))];
          const right = cx > WIDTH * 0.7;
          return (
            <g key={mark.name} class="benchmark">
              <circle cx={cx} cy={cy} r="4" />
              <text
                x={cx + (right ? -8 : 8)}
                y={cy + (cy > HEIGHT - BOTTOM - 12 ? -8 : 4)}
                text-anchor={right ? "end" : "start"}
              >
                {mark.name}
                {beyond(mark) && " (beyond)"}
              </text>
            </g>
          );
        })}
        {ticks(0, wide).map((tick) => (
          <text key={tick} class="tick" x={x(tick)} y={HEIGHT - BOTTOM + 16} text-anchor="middle">
            {tick}
          </text>
        ))}
        {ticks(0, high).map((tick) => (
          <text key={tick} class="tick" x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
            {tick}
          </text>
        ))}
        <text class="tick" x={WIDTH - RIGHT} y={HEIGHT - 8} text-anchor="end">
          share it explains of the treatment (partial R²)
        </text>
        <text class="tick" x={LEFT + 6} y={TOP + 4}>
          ↑ of the outcome
        </text>
      </svg>
    </figure>
  );
}
