import { useEffect, useState } from "preact/hooks";
import { clock } from "../../format";
import type { HistoryEvent } from "../../types";

const FRAME_MILLISECONDS = 120;

interface Props {
  events: HistoryEvent[];
  upTo: number;
  moment?: HistoryEvent;
  live: boolean;
  onTravel: (event: number) => void;
}

/** A slider over the history; the page shows the execution as it was at the chosen event. */
export function TimeTravel({ events, upTo, moment, live, onTravel }: Props) {
  const last = events.at(-1)?.id ?? 0;
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (upTo >= last) {
      setPlaying(false);
      return;
    }
    // A long history is played in longer steps: it takes half a minute at most.
    const step = Math.max(1, Math.round(last / 250));
    const timer = setTimeout(() => onTravel(Math.min(last, upTo + step)), FRAME_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [playing, upTo, last]);
  const play = () => {
    if (!playing && upTo >= last) onTravel(1);
    setPlaying(!playing);
  };
  return (
    <div class="travel">
      <label for="travel">Time travel</label>
      <button onClick={play} disabled={last < 2} aria-label={playing ? "Pause" : "Play the history"}>
        {playing ? "❚❚" : "▶"}
      </button>
      <input
        id="travel"
        type="range"
        min={1}
        max={Math.max(1, last)}
        value={upTo}
        aria-valuetext={moment ? `event ${upTo} of ${last}, ${moment.type}` : undefined}
        onInput={(e) => onTravel(Number(e.currentTarget.value))}
      />
      <button disabled={live} onClick={() => onTravel(last)}>
        Live
      </button>
      <output>
        {upTo} of {last}
        {moment && ` · ${moment.type} · ${clock(moment.timestamp)}`}
      </output>
    </div>
  );
}
