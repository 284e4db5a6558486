import { useEffect, useRef, useState } from "preact/hooks";
import { upload } from "../../api";
import { ago } from "../../format";
import { Badge, Problem } from "../../parts/parts";
import { link } from "../../router";
import { Ask } from "./Ask";
import { MessageView, together } from "./MessageView";
import type { Session } from "./session";
import type { ChatSettings } from "./settings";
import { type Agent, useAgent } from "./useAgent";

interface Props {
  settings: ChatSettings;
  session: Session;
  keep: (session?: Session) => void;
}

/** The conversation with the agent, and beside it the analyses of before. */
export function Conversation({ settings, session, keep }: Props) {
  const agent = useAgent(settings.websocket, session.token, session.analysisId, (analysisId) =>
    keep({ ...session, analysisId }),
  );
  const [datasets, setDatasets] = useState(settings.datasets);
  const end = useRef<HTMLDivElement>(null);
  const { messages, analysisId } = agent;
  const running = messages.length > 0 && !messages.some((message) => message.type === "finished");
  useEffect(() => {
    // A reader who has scrolled up is left where they are.
    const box = end.current?.getBoundingClientRect();
    if (running && box && box.top < innerHeight + 400) end.current?.scrollIntoView({ block: "end" });
  }, [messages.length]);
  const take = async (name: string, file: File) => {
    const made = await upload(name, file, session.token);
    setDatasets([...new Set([...datasets, made])]);
    return made;
  };
  return (
    <div class="chat">
      <div class="conversation">
        <Problem error={agent.problem} />
        {messages.length === 0 && (
          <p class="empty">
            Ask a question about a dataset: what did one thing do to another? The agent looks at the data, asks what
            they cannot tell, and estimates the effect.
          </p>
        )}
        <div class="messages" role="log" aria-live="polite" aria-label="Conversation">
          {together(messages).map((message) => (
            <MessageView
              key={message.seq}
              message={message}
              all={messages}
              onReply={(answer) => agent.send({ action: "reply", analysisId, promptId: message.promptId, answer })}
            />
          ))}
        </div>
        {running && (
          <div class="actions">
            <span class="busy">The agent is at work…</span>
            <button onClick={() => agent.send({ action: "cancel", analysisId })}>Cancel</button>
          </div>
        )}
        <Ask datasets={datasets} busy={running || agent.state !== "connected"} onAsk={agent.ask} onUpload={take} />
        <div ref={end} />
      </div>
      <Aside agent={agent} executions={settings.executions} />
    </div>
  );
}

function Aside({ agent, executions }: { agent: Agent; executions: string }) {
  return (
    <aside class="card" aria-label="Analyses">
      <p class="quiet" aria-live="polite">
        <span class={`dot ${agent.state}`} /> {agent.state}
      </p>
      {agent.analysisId && (
        <p class="quiet">
          analysis <code>{agent.analysisId}</code>
          <br />
          <a href={link("execution", executions + agent.analysisId)}>its execution</a>,{" "}
          <a href={link("traces", executions + agent.analysisId)}>what it caused</a>,{" "}
          <a href={link("models", executions + agent.analysisId)}>what the model was asked</a>
        </p>
      )}
      <h2>Earlier analyses</h2>
      {agent.analyses.length === 0 && <p class="quiet">None so far.</p>}
      <ul class="earlier">
        {agent.analyses.map((analysis) => (
          <li key={analysis.analysisId}>
            <button
              aria-current={analysis.analysisId === agent.analysisId}
              onClick={() => agent.open(analysis.analysisId)}
            >
              <span>{analysis.question}</span>
              <small>
                {analysis.dataset} · {ago(analysis.createdAt)} <Badge status={analysis.status} />
              </small>
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}
