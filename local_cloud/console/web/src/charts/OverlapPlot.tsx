export interface Overlap {
  histogram: Record<"treated" | "untreated", number[]>;
  rows: Record<"treated" | "untreated", number>;
  outside_common_support: number;
  within_trim: Record<"treated" | "untreated", number>;
  ATE: Record<"treated" | "untreated", { effective_rows: number; largest_weight_share: number }>;
}

const WIDTH = 520,
  LEFT = 24,
  RIGHT = 24,
  HALF = 90,
  MIDDLE = 116;

/** How probable treatment was for the treated (up) and for the others (down). */
export function OverlapPlot({ overlap }: { overlap: Overlap }) {
  const { treated, untreated } = overlap.histogram;
  // A bin with one row among thousands is to be seen, too: the root of its share is drawn.
  const share = (counts: number[], n: number) => counts.map((count) => Math.sqrt(count / n));
  const up = share(treated, overlap.rows.treated);
  const down = share(untreated, overlap.rows.untreated);
  const most = Math.max(...up, ...down) || 1;
  const wide = (WIDTH - LEFT - RIGHT) / up.length;
  const x = (probability: number) => LEFT + probability * (WIDTH - LEFT - RIGHT);
  const percent = Math.round(overlap.outside_common_support * 100);
  return (
    <figure>
      <figcaption>Overlap: probability of treatment, by group</figcaption>
      <svg
        class="chart overlap"
        viewBox={`0 0 ${WIDTH} ${MIDDLE + HALF + 44}`}
        role="img"
        aria-label={`Overlap: ${overlap.within_trim.treated} of ${overlap.rows.treated} treated and ${overlap.within_trim.untreated} of ${overlap.rows.untreated} untreated rows have a probability of treatment between 0.1 and 0.9; ${percent}% of all rows lie outside the common support`}
      >
        <rect class="kept" x={x(0.1)} y="18" width={x(0.9) - x(0.1)} height={MIDDLE + HALF - 14} />
        <text x={LEFT} y="12">
          treated ({overlap.rows.treated.toLocaleString()})
        </text>
        <text x={WIDTH - RIGHT} y="12" text-anchor="end" class="tick">
          shaded: 0.1 to 0.9
        </text>
        <text x={LEFT} y={MIDDLE + HALF + 18}>
          not treated ({overlap.rows.untreated.toLocaleString()})
        </text>
        {up.map((value, bin) => (
          <rect
            key={bin}
            class="treated"
            x={LEFT + bin * wide + 1}
            width={wide - 2}
            y={MIDDLE - (value / most) * HALF}
            height={(value / most) * HALF}
          />
        ))}
        {down.map((value, bin) => (
          <rect
            key={bin}
            class="untreated"
            x={LEFT + bin * wide + 1}
            width={wide - 2}
            y={MIDDLE}
            height={(value / most) * HALF}
          />
        ))}
        <line class="axis" x1={LEFT} x2={WIDTH - RIGHT} y1={MIDDLE} y2={MIDDLE} />
        {[0, 0.25, 0.5, 0.75, 1].map((value) => (
          <text key={value} class="tick" x={x(value)} y={MIDDLE + HALF + 36} text-anchor="middle">
            {value}
          </text>
        ))}
      </svg>
    </figure>
  );
}
