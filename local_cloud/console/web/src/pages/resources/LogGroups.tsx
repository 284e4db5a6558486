import { useEffect, useRef, useState } from "preact/hooks";
import { aws } from "../../api";
import { clock } from "../../format";
import { useLoaded, usePolled } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";
import { Listed } from "./Listed";

const SPANS: [minutes: number, title: string][] = [
  [15, "15 minutes"],
  [60, "hour"],
  [24 * 60, "day"],
];
const LINES = 500;
const PAUSE_MILLISECONDS = 1500;

interface LogEvent {
  eventId: string;
  timestamp: number;
  message: string;
}

export function LogGroups({ name }: { name: string }) {
  const loaded = useLoaded<string[]>(() =>
    aws("logs", "describe_log_groups").then((found) => found.logGroups.map((group: any) => group.logGroupName)),
  );
  return (
    <Listed
      kind="logs"
      loaded={loaded}
      chosen={name}
      none="Nothing has been logged so far."
      choose="Choose a log group to follow it."
    >
      <Tail group={name} key={name} />
    </Listed>
  );
}

function Tail({ group }: { group: string }) {
  const [events, setEvents] = useState<LogEvent[]>();
  const [minutes, setMinutes] = useState(SPANS[0]![0]);
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const place = useRef<HTMLPreElement>(null);
  const error = usePolled(
    async () => {
      const found = await aws("logs", "filter_log_events", {
        logGroupName: group,
        startTime: Date.now() - minutes * 60_000,
      });
      setEvents(found.events);
    },
    PAUSE_MILLISECONDS,
    [group, minutes],
  );
  const lines = (events ?? []).filter((event) => event.message.includes(search)).slice(-LINES);
  const newest = lines.at(-1)?.eventId;
  useEffect(() => {
    if (follow && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [follow, newest, search]);
  return (
    <>
      <h2>{group}</h2>
      <div class="filters">
        <label>
          Lines with
          <input
            type="search"
            placeholder="any text"
            value={search}
            onInput={(e) => setSearch(e.currentTarget.value)}
          />
        </label>
        <label>
          Of the last
          <select value={minutes} onChange={(e) => setMinutes(Number(e.currentTarget.value))}>
            {SPANS.map(([span, title]) => (
              <option key={span} value={span}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          <input type="checkbox" checked={follow} onChange={(e) => setFollow(e.currentTarget.checked)} /> Follow
        </label>
        <span class="quiet">{lines.length.toLocaleString()} lines, live</span>
      </div>
      <Problem error={error} />
      {!events && !error && <Loading what="lines" />}
      {events && !lines.length && <Empty>No lines{search ? " with this text" : " in this time"}.</Empty>}
      {lines.length > 0 && (
        <pre class="tail" ref={place} tabIndex={0} aria-label={`Log of ${group}`}>
          {lines.map((event) => (
            <span key={event.eventId} class={/ERROR|Traceback|"level":"ERROR"/.test(event.message) ? "bad" : ""}>
              <time>{clock(event.timestamp / 1000)}</time> {event.message.trimEnd()}
              {"\n"}
            </span>
          ))}
        </pre>
      )}
    </>
  );
}
