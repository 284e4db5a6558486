import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { clock } from "../../format";
import { Empty } from "../../parts/parts";
import { Opener, Under } from "../../parts/rows";
import type { HistoryEvent } from "../../types";

const ROWS = 200;

interface Props {
  events: HistoryEvent[];
  upTo: number;
  onChoose: (id: number) => void;
}

/** The raw history; choosing an event travels to it. */
export function Events({ events, upTo, onChoose }: Props) {
  const [open, setOpen] = useState<number>();
  if (!events.length) return <Empty>No events yet.</Empty>;
  // The rows around the chosen event: thousands of them would make the page slow.
  const index = Math.max(
    0,
    events.findIndex((event) => event.id === upTo),
  );
  const start = Math.max(0, Math.min(index - ROWS / 2, events.length - ROWS));
  const shown = events.slice(start, start + ROWS);
  return (
    <>
      <div class="scroll plain tall" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th class="digits">Id</th>
              <th>Type</th>
              <th>State</th>
              <th>Time</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((event) => (
              <Fragment key={event.id}>
                <tr class={event.id === upTo ? "chosen" : event.id > upTo ? "future" : ""}>
                  <td class="digits">{event.id}</td>
                  <td>
                    <Opener
                      open={open === event.id}
                      onToggle={() => {
                        setOpen(open === event.id ? undefined : event.id);
                        onChoose(event.id);
                      }}
                    >
                      {event.type}
                    </Opener>
                  </td>
                  <td>{(event.stateEnteredEventDetails ?? event.stateExitedEventDetails)?.name}</td>
                  <td class="time">{clock(event.timestamp)}</td>
                </tr>
                {open === event.id && (
                  <Under columns={4} text={JSON.stringify(event, null, 2)} label={`event ${event.id}`} />
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      {events.length > ROWS && (
        <p class="quiet">
          Events {shown[0]!.id} to {shown.at(-1)!.id} of {events.length.toLocaleString()}; the slider goes to the
          others.
        </p>
      )}
    </>
  );
}
