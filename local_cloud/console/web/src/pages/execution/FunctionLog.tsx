import { aws } from "../../api";
import { clock } from "../../format";
import { useLoaded } from "../../parts/loading";
import { Json } from "../../parts/parts";
import { link } from "../../router";

interface LogEvent {
  timestamp: number;
  message: string;
}

/** The lines that one invocation wrote. */
export function FunctionLog({ name, requestId }: { name: string; requestId: string }) {
  const group = `/aws/lambda/${name}`;
  const loaded = useLoaded<LogEvent[]>(
    () =>
      aws("logs", "filter_log_events", { logGroupName: group, filterPattern: `"${requestId}"` }).then(
        (found) => found.events,
      ),
    [group, requestId],
  );
  const lines = loaded.value?.map((event) => `${clock(event.timestamp / 1000)}  ${event.message.trimEnd()}`);
  return (
    <>
      <h3>
        Log of <a href={link("resources", "logs", group)}>{name}</a>
      </h3>
      {loaded.error ? (
        <p class="quiet">{(loaded.error as Error).message}</p>
      ) : lines?.length === 0 ? (
        <p class="quiet">
          No lines of this invocation yet.{" "}
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
