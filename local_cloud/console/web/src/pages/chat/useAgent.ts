import { useEffect, useRef, useState } from "preact/hooks";

/** A message of the agent's protocol; its fields are told by its type. */
export type Message = Record<string, any> & { type: string };

export interface Analysis {
  analysisId: string;
  status: string;
  question: string;
  dataset: string;
  createdAt: number;
}

export interface Agent {
  state: "connecting" | "connected" | "reconnecting";
  problem?: string;
  analysisId?: string;
  /** What was said of the analysis, each message once and in order. */
  messages: Message[];
  /** The user's analyses, the newest first. */
  analyses: Analysis[];
  send: (message: Message | Record<string, unknown>) => void;
  ask: (question: string, dataset: string) => void;
  open: (analysisId: string) => void;
}

const PAUSE_MILLISECONDS = 400;

/** A conversation over the WebSocket; a lost connection is opened again, and what was missed is asked for. */
export function useAgent(
  address: string,
  token: string,
  begun: string | undefined,
  onAnalysis: (id?: string) => void,
): Agent {
  const [state, setState] = useState<Agent["state"]>("connecting");
  const [problem, setProblem] = useState<string>();
  const [analysisId, setAnalysisId] = useState(begun);
  const [messages, setMessages] = useState<Message[]>([]);
  const [analyses, setAnalyses] = useState<Analysis[]>([]);
  const socket = useRef<WebSocket>();
  const current = useRef(begun);
  const last = useRef(0);
  const show = (id?: string) => {
    current.current = id;
    last.current = 0;
    setAnalysisId(id);
    setMessages([]);
    onAnalysis(id);
  };
  const transmit = (message: object) => socket.current?.send(JSON.stringify(message));
  const take = (message: Message) => {
    if (message.type === "error") setProblem(`${message.code}: ${message.message}`);
    if (message.type === "status" && message.analyses) setAnalyses(message.analyses);
    if (message.type === "accepted" && current.current === undefined) show(message.analysisId);
    if (message.analysisId === undefined || message.analysisId !== current.current) return;
    if (["accepted", "finished"].includes(message.type)) transmit({ action: "status" });
    if (!message.seq) return;
    last.current = Math.max(last.current, message.seq);
    setMessages((before) =>
      before.some((m) => m.seq === message.seq) ? before : [...before, message].sort((a, b) => a.seq - b.seq),
    );
  };
  useEffect(() => {
    let here = true;
    let attempt = 0;
    let timer = 0;
    const connect = () => {
      const made = new WebSocket(address, ["bearer", token]);
      socket.current = made;
      made.onopen = () => {
        attempt = 0;
        setState("connected");
        setProblem(undefined);
        transmit({ action: "status" });
        if (current.current) transmit({ action: "resume", analysisId: current.current, lastSeq: last.current });
      };
      made.onmessage = (event) => take(JSON.parse(event.data));
      made.onclose = () => {
        if (!here) return;
        setState("reconnecting");
        attempt += 1;
        if (attempt > 3)
          setProblem(
            "The gateway does not let this session in. Is the cloud running? Else log out and in again: the token may have expired.",
          );
        timer = window.setTimeout(connect, Math.min(5000, PAUSE_MILLISECONDS * attempt));
      };
    };
    connect();
    return () => {
      here = false;
      clearTimeout(timer);
      socket.current?.close();
    };
  }, []);
  const send = (message: object) => {
    setProblem(undefined);
    if (socket.current?.readyState === WebSocket.OPEN) transmit(message);
    else setProblem("Not connected at the moment; try again in a second.");
  };
  return {
    state,
    problem,
    analysisId,
    messages,
    analyses,
    send,
    ask: (question, dataset) => {
      show(undefined);
      send({ action: "analyze", question, dataset, requestId: crypto.randomUUID() });
    },
    open: (id) => {
      show(id);
      send({ action: "resume", analysisId: id, lastSeq: 0 });
    },
  };
}
