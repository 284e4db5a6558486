import { duration } from "../../format";
import { depth, took, type Visit } from "../../history";
import { Empty } from "../../parts/parts";

const ROWS = 200;

interface Props {
  passes: Visit[];
  now: number;
  onSelect: (name: string, entered: number) => void;
}

/** A Gantt chart: each pass a bar, its failed tries in it. */
export function Timeline({ passes, now, onSelect }: Props) {
  if (!passes.length) return <Empty>Nothing has run so far.</Empty>;
  const first = passes[0]!.enteredAt;
  const end = passes.reduce((latest, visit) => Math.max(latest, visit.exitedAt ?? now), now);
  const span = Math.max(0.001, end - first);
  const place = (from: number, to: number) => ({
    left: `${((from - first) / span) * 100}%`,
    width: `${Math.max(0.3, ((to - from) / span) * 100)}%`,
  });
  return (
    <div class="timeline" tabIndex={0} role="region" aria-label="Timeline">
      <div class="bar-row axis" aria-hidden="true">
        <span />
        <span class="bar-track">
          {[0, 0.25, 0.5, 0.75, 1].map((part) => (
            <span key={part} style={{ left: `${part * 100}%` }}>
              {duration(span * part)}
            </span>
          ))}
        </span>
        <span />
      </div>
      {passes.slice(0, ROWS).map((visit) => (
        <button key={visit.entered} class="bar-row" onClick={() => onSelect(visit.name, visit.entered)}>
          <span class="bar-name" style={{ paddingLeft: `${depth(visit) * 0.8}rem` }}>
            {visit.name}
            {visit.iteration !== undefined && <small> #{visit.iteration}</small>}
          </span>
          <span class="bar-track">
            <span class={`bar ${visit.status}`} style={place(visit.enteredAt, visit.exitedAt ?? end)} />
            {visit.attempts.length > 1 &&
              visit.attempts.map((attempt) => (
                <span
                  key={attempt.at}
                  class={`attempt ${attempt.error ? "failed" : ""}`}
                  style={place(attempt.at, attempt.endedAt ?? end)}
                />
              ))}
          </span>
          <span class="bar-time">{duration(took(visit, end))}</span>
        </button>
      ))}
      {passes.length > ROWS && (
        <p class="quiet">
          The first {ROWS} of {passes.length.toLocaleString()} passes.
        </p>
      )}
    </div>
  );
}
