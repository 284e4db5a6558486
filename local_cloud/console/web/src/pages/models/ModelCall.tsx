import { useEffect, useRef, useState } from "preact/hooks";
import { aws, get } from "../../api";
import { date, duration } from "../../format";
import { JsonEditor } from "../../parts/JsonEditor";
import { usePolled } from "../../parts/loading";
import { Badge, Json, Loading, Problem, Tabs } from "../../parts/parts";
import { go, link } from "../../router";
import { type Block, type ModelCallDetail, type Piece, statusOf } from "./calls";

const PAUSE_MILLISECONDS = 1000;
const VIEWS = [
  ["time", "Pieces"],
  ["tools", "Tools"],
  ["again", "Edit and run again"],
  ["script", "As a script"],
  ["cassette", "As a cassette"],
] as const;

/** A call of a model: its conversation, and how its answer came. */
export function ModelCall({ name }: { name: string }) {
  const [call, setCall] = useState<ModelCallDetail>();
  const [view, setView] = useState("time");
  const error = usePolled(
    async () => {
      // What has ended does not change.
      if (call?.ms == null) setCall(await get(`/api/models/${encodeURIComponent(name)}`));
    },
    PAUSE_MILLISECONDS,
    [name, call?.ms == null],
  );
  return (
    <section>
      <p class="crumbs">
        <a href={link("models")}>Model calls</a> / {name}
      </p>
      <h1>{call?.model ?? name}</h1>
      <Problem error={error} />
      {!call && !error && <Loading what="the call" />}
      {call && (
        <>
          <p class="quiet">
            <Badge status={statusOf(call)} /> {date(call.at)} · {call.inputTokens} tokens read, {call.outputTokens}{" "}
            written
            {call.firstMs !== null && ` · first piece after ${duration(call.firstMs / 1000)}`}
            {call.ms !== null && ` · ${duration(call.ms / 1000)} in all`}
            {call.stop && ` · ${call.stop}`}
            {call.trace && (
              <>
                {" "}
                · <a href={link("trace", call.trace)}>its trace</a>
              </>
            )}
          </p>
          <div class="columns even">
            <Talk call={call} />
            <div class="side">
              <Tabs label="What to show" tabs={VIEWS} shown={view} onShow={setView}>
                {view === "time" && <Pieces call={call} />}
                {view === "tools" && <Offered call={call} />}
                {view === "again" && <Again call={call} key={call.id} />}
                {view === "script" && (
                  <>
                    <p class="quiet">
                      A rule for <code>config/models.yaml</code>, or for a test's <code>model.script(…)</code>.
                    </p>
                    <Json text={call.script} label="the rule" />
                  </>
                )}
                {view === "cassette" && (
                  <>
                    <p class="quiet">A line for a cassette: it answers this request without a model.</p>
                    <Json text={call.cassette} label="the entry" />
                  </>
                )}
              </Tabs>
            </div>
          </div>
        </>
      )}
    </section>
  );
}

function Talk({ call }: { call: ModelCallDetail }) {
  const talk = useRef<HTMLDivElement>(null);
  // Its answer is what one comes for.
  useEffect(() => talk.current?.scrollTo(0, talk.current.scrollHeight), [call.pieces.length]);
  return (
    <div class="messages talk" role="region" aria-label="Conversation" tabIndex={0} ref={talk}>
      {call.request.system?.map(({ text }, at) => (
        <details key={at} class="step">
          <summary>System prompt, {text.length} characters</summary>
          <pre>{text}</pre>
        </details>
      ))}
      {call.request.messages.map(({ role, content }, at) =>
        content.map((block, part) => <BlockView key={`${at}.${part}`} block={block} mine={role === "user"} />),
      )}
      {call.thoughts && <Thought text={call.thoughts} open />}
      {call.text && <p class="bubble answer">{call.text}</p>}
      {call.calls.map((tool) => (
        <Used key={tool.id} name={tool.name} input={tool.input} open />
      ))}
      {call.error && (
        <p class="wrong" role="alert">
          {call.error}
        </p>
      )}
      {call.ms === null && <p class="step">It answers…</p>}
      {call.left && <p class="step">Who asked has left before its end.</p>}
    </div>
  );
}

function BlockView({ block, mine }: { block: Block; mine: boolean }) {
  if (block.text !== undefined) return <p class={mine ? "bubble mine" : "bubble"}>{block.text}</p>;
  if (block.toolUse) return <Used name={block.toolUse.name} input={block.toolUse.input} />;
  if (block.toolResult) {
    const text = block.toolResult.content.map((one) => one.text ?? JSON.stringify(one.json)).join("\n");
    return (
      <details class="tool">
        <summary>
          The tool answered <small class="quiet">{text.slice(0, 60)}</small>
        </summary>
        <Json text={text} label="the tool's answer" />
      </details>
    );
  }
  if (block.reasoningContent?.reasoningText) return <Thought text={block.reasoningContent.reasoningText.text} />;
  return <p class="step">{Object.keys(block)[0]}</p>;
}

function Thought({ text, open = false }: { text: string; open?: boolean }) {
  return (
    <details class="step" open={open}>
      <summary>It thinks</summary>
      <pre>{text}</pre>
    </details>
  );
}

function Used({ name, input, open = false }: { name: string; input: unknown; open?: boolean }) {
  return (
    <details class="tool" open={open}>
      <summary>
        It calls <code>{name}</code>
      </summary>
      <Json text={typeof input === "string" ? input : JSON.stringify(input, null, 2)} label={`the input of ${name}`} />
    </details>
  );
}

/** The pieces on a line of time, and what each said. */
function Pieces({ call }: { call: ModelCallDetail }) {
  const all = Math.max(1, call.ms ?? call.pieces.at(-1)?.ms ?? 1);
  return (
    <>
      <div class="pieces-line" aria-hidden="true">
        {call.pieces.map((piece, at) => (
          <i key={at} class={kindOf(piece)} style={{ left: `${(piece.ms / all) * 100}%` }} />
        ))}
      </div>
      <p class="quiet ends" aria-hidden="true">
        <span>0 ms</span>
        <span>{duration(all / 1000)}</span>
      </p>
      <div class="scroll tall" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th class="digits">ms</th>
              <th class="digits">since the last</th>
              <th>Piece</th>
            </tr>
          </thead>
          <tbody>
            {call.pieces.map((piece, at) => (
              <tr key={at}>
                <td class="digits">{piece.ms}</td>
                <td class="digits">{piece.ms - (call.pieces[at - 1]?.ms ?? 0)}</td>
                <td>
                  <code>{wordsOf(piece)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function kindOf(piece: Piece): string {
  if (piece.error) return "broken";
  if (piece.thought) return "thought";
  return piece.text !== undefined ? "words" : piece.stop ? "end" : "call";
}

function wordsOf(piece: Piece): string {
  if (piece.error) return `${piece.error.code}: ${piece.error.message}`;
  if (piece.stop) return `ends: ${piece.stop.reason}`;
  if (piece.thought) return piece.thought.text ? `thinks: ${piece.thought.text}` : "signs its thoughts";
  if (piece.tool) return `calls ${piece.tool.name}`;
  return piece.text ?? piece.input ?? "";
}

function Offered({ call }: { call: ModelCallDetail }) {
  const tools = call.request.toolConfig?.tools ?? [];
  if (!tools.length) return <p class="quiet">It was offered no tools.</p>;
  return (
    <ul>
      {tools.map(({ toolSpec }) => (
        <li key={toolSpec.name}>
          <code>{toolSpec.name}</code> {toolSpec.description}
        </li>
      ))}
    </ul>
  );
}

function Again({ call }: { call: ModelCallDetail }) {
  const [text, setText] = useState(() => JSON.stringify(call.request, null, 2));
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await aws("bedrock-runtime", "converse", JSON.parse(text));
    } catch (failure) {
      setError(failure);
    }
    try {
      // It is there with its error, too, unless nothing was asked.
      const [newest] = (await get("/api/models")).calls;
      if (newest && Number(newest.id) > Number(call.id)) go("model-call", newest.id);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <JsonEditor value={text} onChange={setText} label="Request" />
      <div class="actions">
        <button class="primary" disabled={busy} onClick={run}>
          {busy ? "Asking…" : "Run"}
        </button>
      </div>
      <Problem error={error} />
    </>
  );
}
