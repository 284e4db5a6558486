import { aws } from "../../api";
import { clock } from "../../format";
import type { Visit } from "../../history";
import { useLoaded } from "../../parts/loading";
import { Json } from "../../parts/parts";
import { link } from "../../router";

/** Lines are stamped when they are read, a moment after they are written. */
const LATE_SECONDS = 1;

interface LogEvent {
  timestamp: number;
  message: string;
}

/** An invocation: its request, if that is known, and its time. */
export type Timed = Pick<Visit, "requestId" | "enteredAt" | "exitedAt">;

/** The lines that the invocation of a pass wrote, or else those of its time. */
export function FunctionLog({ name, visit }: { name: string; visit: Timed }) {
  const group = `/aws/lambda/${name}`;
  const { requestId, enteredAt, exitedAt } = visit;
  const loaded = useLoaded(() => linesOf(group, visit), [group, requestId, enteredAt, exitedAt]);
  const lines = loaded.value?.events.map((event) => `${clock(event.timestamp / 1000)}  ${event.message.trimEnd()}`);
  return (
    <>
      <h3>
        Log of <a href={link("resources", "logs", group)}>{name}</a>
      </h3>
      {loaded.value?.byTime && lines?.length !== 0 && (
        <p class="quiet">The lines do not tell of which request they are: these are all of this pass' time.</p>
      )}
      {loaded.error ? (
        <p class="quiet">{(loaded.error as Error).message}</p>
      ) : lines?.length === 0 ? (
        <p class="quiet">
          No lines yet.{" "}
          <button class="link" onClick={loaded.again}>
            Look again
          </button>
        </p>
      ) : (
        <Json text={lines?.join("\n") ?? "Loading…"} label="the log" />
      )}
    </>
  );
}

async function linesOf(group: string, { requestId, enteredAt, exitedAt }: Timed) {
  const find = (filter: object): Promise<LogEvent[]> =>
    aws("logs", "filter_log_events", { logGroupName: group, ...filter }).then((found) => found.events);
  const events = requestId ? await find({ filterPattern: `"${requestId}"` }) : [];
  if (events.length) return { events, byTime: false };
  const end = (exitedAt ?? Date.now() / 1000) + LATE_SECONDS;
  return {
    events: await find({ startTime: Math.floor(enteredAt * 1000), endTime: Math.ceil(end * 1000) }),
    byTime: true,
  };
}
