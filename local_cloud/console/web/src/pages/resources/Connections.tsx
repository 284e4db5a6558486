import { Fragment } from "preact";
import { useRef, useState } from "preact/hooks";
import { get } from "../../api";
import { ago, clock, pretty } from "../../format";
import { usePolled } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";
import { Opener, Under } from "../../parts/rows";
import { link } from "../../router";

const PAUSE_MILLISECONDS = 1000;
const KEPT = 500;

interface Connection {
  connectionId: string;
  stage: string;
  connectedAt: string;
  lastActiveAt: string;
  identity: { sourceIp: string; userAgent: string };
}

/** Something that happened on a connection. */
interface Traffic {
  number: number;
  /** Milliseconds since 1970. */
  time: number;
  connectionId: string;
  what: "connected" | "refused" | "received" | "sent" | "disconnected";
  text: string;
  characters: number;
  routeKey?: string;
  status?: number;
  code?: number;
}

/** Who is connected to the gateway, and what is said. */
export function Connections() {
  const [connections, setConnections] = useState<Connection[]>();
  const [messages, setMessages] = useState<Traffic[]>([]);
  const [only, setOnly] = useState<string>();
  const last = useRef(0);
  const error = usePolled(async () => {
    const [opened, said] = await Promise.all([get("/api/connections"), get(`/api/messages?after=${last.current}`)]);
    setConnections(opened.connections);
    // A gateway that was started again counts anew.
    const anew = said.last < last.current;
    last.current = anew ? 0 : said.last;
    if (anew) setMessages([]);
    else if (said.messages.length) setMessages((before) => [...before, ...said.messages].slice(-KEPT));
  }, PAUSE_MILLISECONDS);
  return (
    <>
      <Problem error={error} />
      {!connections && !error && <Loading what="connections" />}
      {connections?.length === 0 && (
        <Empty>
          Nobody is connected. Open the <a href={link("chat")}>chat page</a>.
        </Empty>
      )}
      {connections && connections.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>Connection</th>
                <th>Stage</th>
                <th>Client</th>
                <th>Connected</th>
                <th>Last active</th>
              </tr>
            </thead>
            <tbody>
              {connections.map((c) => (
                <tr key={c.connectionId} class={c.connectionId === only ? "chosen" : ""}>
                  <td>
                    <button
                      class="link"
                      aria-pressed={c.connectionId === only}
                      onClick={() => setOnly(c.connectionId === only ? undefined : c.connectionId)}
                    >
                      <code>{c.connectionId}</code>
                    </button>
                  </td>
                  <td>{c.stage}</td>
                  <td class="cell" title={c.identity.userAgent}>
                    {c.identity.sourceIp} {c.identity.userAgent}
                  </td>
                  <td>{ago(Date.parse(c.connectedAt) / 1000)}</td>
                  <td>{ago(Date.parse(c.lastActiveAt) / 1000)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="title">
        <h2>Messages</h2>
        <span class="quiet">{only ? `of ${only}` : "of all connections"}, the newest first</span>
        {only && <button onClick={() => setOnly(undefined)}>Show all</button>}
      </div>
      <Flow messages={messages.filter((message) => !only || message.connectionId === only).reverse()} />
    </>
  );
}

function Flow({ messages }: { messages: Traffic[] }) {
  const [open, setOpen] = useState<number>();
  if (!messages.length) return <Empty>Nothing has been said so far.</Empty>;
  return (
    <div class="scroll tall" tabIndex={0}>
      <table class="flow">
        <thead>
          <tr>
            <th>Time</th>
            <th>Connection</th>
            <th>What</th>
            <th class="digits">Size</th>
            <th>Message</th>
          </tr>
        </thead>
        <tbody>
          {messages.map((message) => (
            <Fragment key={message.number}>
              <tr class={message.what}>
                <td class="time">{clock(message.time / 1000)}</td>
                <td>
                  <code>{message.connectionId}</code>
                </td>
                <td>{words(message)}</td>
                <td class="digits">{message.characters ? message.characters.toLocaleString() : ""}</td>
                <td class="cell wide">
                  {message.text && (
                    <Opener
                      open={open === message.number}
                      onToggle={() => setOpen(open === message.number ? undefined : message.number)}
                    >
                      {message.text}
                    </Opener>
                  )}
                </td>
              </tr>
              {open === message.number && (
                <Under
                  columns={5}
                  text={pretty(message.text) + (message.characters > message.text.length ? "\n…" : "")}
                  label="the message"
                />
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function words({ what, routeKey, status, code }: Traffic): string {
  if (what === "received") return `→ ${routeKey}`;
  if (what === "sent") return "← sent";
  return [what, status ?? code].join(" ");
}
