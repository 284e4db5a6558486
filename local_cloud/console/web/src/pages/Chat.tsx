import { useEffect, useRef, useState } from "preact/hooks";
import { aws, CallFailed, get, upload } from "../api";
import { CausalGraph, ForestPlot, round } from "../charts";
import { Badge, Empty, Json, Problem, useLoaded } from "../parts";

/** What a reload of the page needs; a tab's own, and gone with it. */
const MEMORY = "chat";

interface Session {
  username: string;
  token: string;
  analysisId?: string;
}

const remembered = (): Session | undefined => {
  try {
    return JSON.parse(sessionStorage.getItem(MEMORY) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
};

export function Chat() {
  const [session, setSession] = useState(remembered);
  const settings = useLoaded(() => get("/api/chat"));
  const keep = (next?: Session) => {
    if (next) sessionStorage.setItem(MEMORY, JSON.stringify(next));
    else sessionStorage.removeItem(MEMORY);
    setSession(next);
  };
  return (
    <section>
      <div class="title">
        <h1>Chat</h1>
        <span class="spring" />
        {session && (
          <>
            <span class="quiet">{session.username}</span>
            <button onClick={() => keep(undefined)}>Log out</button>
          </>
        )}
      </div>
      <Problem error={settings.error} retry={settings.again} />
      {!settings.value && !settings.error && <Empty>Loading…</Empty>}
      {settings.value && !session && <Login clientId={settings.value.clientId} done={keep} />}
      {settings.value && session && <Conversation settings={settings.value} session={session} keep={keep} />}
    </section>
  );
}

function Login({ clientId, done }: { clientId: string; done: (session: Session) => void }) {
  const [mode, setMode] = useState<"in" | "up" | "confirm">("in");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [email, setEmail] = useState("");
  const [code, setCode] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      if (mode === "up") {
        const attributes = email ? [{ Name: "email", Value: email }] : [];
        const made = await aws("cognito-idp", "sign_up", { ClientId: clientId, Username: username, Password: password, UserAttributes: attributes });
        setMode(made.UserConfirmed ? "in" : "confirm");
        return;
      }
      if (mode === "confirm") {
        await aws("cognito-idp", "confirm_sign_up", { ClientId: clientId, Username: username, ConfirmationCode: code });
        setMode("in");
        return;
      }
      const answer = await aws("cognito-idp", "initiate_auth", {
        ClientId: clientId,
        AuthFlow: "USER_PASSWORD_AUTH",
        AuthParameters: { USERNAME: username, PASSWORD: password },
      });
      if (!answer.AuthenticationResult) throw new CallFailed("Challenge", `Cognito asks for more: ${answer.ChallengeName}.`);
      done({ username, token: answer.AuthenticationResult.AccessToken });
    } catch (failure) {
      if (failure instanceof CallFailed && failure.code === "UserNotConfirmedException") setMode("confirm");
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const titles = { in: "Log in", up: "Sign up", confirm: "Confirm" };
  return (
    <form class="card narrow" onSubmit={submit}>
      <h2>{titles[mode]}</h2>
      <label>
        User name
        <input autocomplete="username" required value={username} onInput={(e) => setUsername(e.currentTarget.value)} />
      </label>
      {mode === "up" && (
        <label>
          E-mail
          <input type="email" autocomplete="email" value={email} onInput={(e) => setEmail(e.currentTarget.value)} />
        </label>
      )}
      {mode === "confirm" ? (
        <label>
          Confirmation code
          <input required value={code} onInput={(e) => setCode(e.currentTarget.value)} />
          <span class="quiet">The local Cognito sends no mail and takes any code.</span>
        </label>
      ) : (
        <label>
          Password
          <input type="password" autocomplete={mode === "up" ? "new-password" : "current-password"} required value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
        </label>
      )}
      <Problem error={error} />
      <div class="actions">
        <button class="primary" disabled={busy}>
          {titles[mode]}
        </button>
        <button type="button" onClick={() => setMode(mode === "in" ? "up" : "in")}>
          {mode === "in" ? "Sign up" : "Log in"}
        </button>
      </div>
      <p class="quiet">
        The demo user is <code>demo</code>; its password is the secret <a href="#/resources/secrets">causal/demo-user</a>.
      </p>
    </form>
  );
}

type Message = Record<string, any>;

function Conversation({ settings, session, keep }: { settings: any; session: Session; keep: (session?: Session) => void }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const [state, setState] = useState("connecting");
  const [problem, setProblem] = useState<string>();
  const [datasets, setDatasets] = useState<string[]>(settings.datasets);
  const socket = useRef<WebSocket>();
  const analysis = useRef(session.analysisId);
  const last = useRef(0);
  useEffect(() => {
    let here = true;
    let attempt = 0;
    const open = () => {
      const made = new WebSocket(settings.websocket, ["bearer", session.token]);
      socket.current = made;
      made.onopen = () => {
        attempt = 0;
        setState("connected");
        setProblem(undefined);
        if (analysis.current) made.send(JSON.stringify({ action: "resume", analysisId: analysis.current, lastSeq: last.current }));
      };
      made.onmessage = (event) => take(JSON.parse(event.data));
      made.onclose = () => {
        if (!here) return;
        setState("reconnecting");
        attempt += 1;
        if (attempt > 3) setProblem("The gateway does not let this session in. Is the cloud running? Else log out and in again: the token may have expired.");
        setTimeout(() => here && open(), Math.min(5000, 400 * attempt));
      };
    };
    const take = (message: Message) => {
      if (message.type === "error") setProblem(`${message.code}: ${message.message}`);
      if (message.type === "accepted") {
        analysis.current = message.analysisId;
        keep({ ...session, analysisId: message.analysisId });
      }
      if (message.analysisId !== analysis.current) return;
      if (message.seq) last.current = Math.max(last.current, message.seq);
      // Each event once, in the order of its number, however often it came.
      setMessages((before) => {
        if (message.seq && before.some((m) => m.seq === message.seq)) return before;
        return [...before, message].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
      });
    };
    open();
    return () => {
      here = false;
      socket.current?.close();
    };
  }, []);
  const send = (message: Message) => {
    setProblem(undefined);
    if (socket.current?.readyState !== WebSocket.OPEN) setProblem("Not connected at the moment; try again in a second.");
    else socket.current.send(JSON.stringify(message));
  };
  const ask = (question: string, dataset: string) => {
    setMessages([]);
    last.current = 0;
    send({ action: "analyze", question, dataset, requestId: crypto.randomUUID() });
  };
  const finished = messages.find((m) => m.type === "finished");
  const running = messages.length > 0 && !finished;
  return (
    <>
      <p class="quiet" aria-live="polite">
        {state}
        {analysis.current && (
          <>
            {" "}· analysis <code>{analysis.current}</code> · <ExecutionLink analysis={analysis.current} />
          </>
        )}
      </p>
      <Problem error={problem} />
      <Ask datasets={datasets} busy={running} onAsk={ask} onUpload={(name, file) => upload(name, file, session.token).then((made) => { setDatasets((d) => [...new Set([...d, made])]); return made; })} />
      <div class="messages" role="log" aria-live="polite">
        {grouped(messages).map((message, n) => (
          <Shown key={message.seq ?? `x${n}`} message={message} all={messages} onReply={(answer) => send({ action: "reply", analysisId: message.analysisId, promptId: message.promptId, answer })} />
        ))}
        {running && (
          <div class="actions">
            <span class="busy">The agent is at work…</span>
            <button onClick={() => send({ action: "cancel", analysisId: analysis.current })}>Cancel</button>
          </div>
        )}
      </div>
    </>
  );
}

function ExecutionLink({ analysis }: { analysis: string }) {
  const arn = `arn:aws:states:us-east-1:000000000000:execution:agent-workflow:${analysis}`;
  return <a href={`#/execution/${encodeURIComponent(arn)}`}>its execution</a>;
}

/** The model's words come in pieces: those of one turn are one paragraph. */
function grouped(messages: Message[]): Message[] {
  const shown: Message[] = [];
  for (const message of messages) {
    const before = shown.at(-1);
    if (message.type === "llm.delta" && before?.type === "llm.delta" && before.turn === message.turn) {
      shown[shown.length - 1] = { ...before, text: before.text + message.text };
    } else shown.push(message);
  }
  return shown;
}

function Ask({ datasets, busy, onAsk, onUpload }: { datasets: string[]; busy: boolean; onAsk: (question: string, dataset: string) => void; onUpload: (name: string, file: File) => Promise<string> }) {
  const [question, setQuestion] = useState("What did the programme do to 1978 earnings?");
  const [dataset, setDataset] = useState(datasets.includes("nsw") ? "nsw" : (datasets[0] ?? ""));
  const [error, setError] = useState<unknown>();
  const take = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (!file) return;
    const name = file.name.replace(/\.csv$/i, "").replace(/[^A-Za-z0-9_-]/g, "-").slice(0, 64) || "upload";
    try {
      setDataset(await onUpload(name, file));
      setError(undefined);
    } catch (failure) {
      setError(failure);
    }
    input.value = "";
  };
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk(question, dataset);
      }}
    >
      <label>
        Question
        <input required maxLength={4000} value={question} onInput={(e) => setQuestion(e.currentTarget.value)} />
      </label>
      <div class="filters">
        <label>
          Dataset
          <select value={dataset} onChange={(e) => setDataset(e.currentTarget.value)}>
            {datasets.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Or upload a CSV
          <input type="file" accept=".csv,text/csv" onChange={(e) => take(e.currentTarget)} />
        </label>
        <button class="primary" disabled={busy || !dataset}>
          Ask
        </button>
      </div>
      <Problem error={error} />
    </form>
  );
}

function Shown({ message, all, onReply }: { message: Message; all: Message[]; onReply: (answer: string) => void }) {
  switch (message.type) {
    case "accepted":
      return message.question ? <p class="bubble mine">{message.question}</p> : null;
    case "progress":
      return <p class="step">{message.text}</p>;
    case "llm.delta":
      return <p class="bubble">{message.text}</p>;
    case "tool.started": {
      const done = all.find((m) => m.type === "tool.finished" && m.toolCallId === message.toolCallId);
      const args = message.arguments ?? {};
      return (
        <details class="tool">
          <summary>
            <Badge status={done ? (done.ok ? "SUCCEEDED" : "FAILED") : "RUNNING"} /> {message.tool}
          </summary>
          {message.tool === "identify_adjustment_set" && args.edges && (
            <CausalGraph edges={args.edges} treatment={args.treatment} outcome={args.outcome} adjusted={done?.output?.adjustment_set ?? []} />
          )}
          <h3>Arguments</h3>
          <Json text={JSON.stringify(args, null, 2)} />
          <h3>Output</h3>
          <Json text={done ? JSON.stringify(done.output, null, 2) : undefined} />
        </details>
      );
    }
    case "prompt": {
      const answered = all.some((m) => m.seq > message.seq && m.type !== "prompt");
      return <Prompt message={message} answered={answered} onReply={onReply} />;
    }
    case "finished":
      return <Finished message={message} />;
    default:
      return null;
  }
}

function Prompt({ message, answered, onReply }: { message: Message; answered: boolean; onReply: (answer: string) => void }) {
  const [own, setOwn] = useState("");
  return (
    <div class="bubble prompt">
      <p>
        <strong>{message.question}</strong>
      </p>
      {!answered && (
        <div class="actions">
          {message.options.map((option: string) => (
            <button key={option} onClick={() => onReply(option)}>
              {option}
            </button>
          ))}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (own) onReply(own);
            }}
          >
            <input aria-label="Your own answer" placeholder="Your own answer" value={own} onInput={(e) => setOwn(e.currentTarget.value)} />
          </form>
        </div>
      )}
    </div>
  );
}

function Finished({ message }: { message: Message }) {
  const estimates: [string, any][] = Object.entries(message.estimates ?? {});
  return (
    <div class="card result">
      <h2>
        Result <Badge status={message.status} />
      </h2>
      <p>{message.summary}</p>
      {estimates.length > 0 && (
        <>
          <ForestPlot estimates={message.estimates} />
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th>Method</th>
                  <th>Estimate</th>
                  <th>Standard error</th>
                  <th>95% interval</th>
                </tr>
              </thead>
              <tbody>
                {estimates.map(([name, e]) => (
                  <tr key={name}>
                    <td>{name}</td>
                    <td>{round(e.estimate)}</td>
                    <td>{round(e.std_error)}</td>
                    <td>
                      {round(e.ci_low)} to {round(e.ci_high)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      {Object.keys(message.refutations ?? {}).length > 0 && (
        <ul>
          {Object.entries<any>(message.refutations).map(([name, r]) => (
            <li key={name}>
              {name.replaceAll("_", " ")}: {r.passed ? "passed" : "did not pass"}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
