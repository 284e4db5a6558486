import { useState } from "preact/hooks";
import { CausalGraph } from "../../charts/CausalGraph";
import { number } from "../../format";
import { Badge, Json } from "../../parts/parts";
import { Result } from "../../result/Result";
import type { Outcome } from "../../result/types";
import type { Message } from "./useAgent";

interface Props {
  message: Message;
  all: Message[];
  onReply: (answer: string) => void;
}

/** The model's words come in pieces: those of one turn are one paragraph, until it begins anew. */
export function together(messages: Message[]): Message[] {
  const shown: Message[] = [];
  const attempts = new Map<number, number>();
  for (const message of messages) {
    const before = shown.at(-1);
    if (message.type === "llm.restarted") attempts.set(message.turn, message.attempt);
    // A piece of an attempt that is void may come late.
    if (message.type === "llm.delta" && message.attempt < (attempts.get(message.turn) ?? 0)) continue;
    if (message.type === "llm.delta" && before?.type === "llm.delta" && before.turn === message.turn) {
      shown[shown.length - 1] = { ...before, text: before.text + message.text };
    } else if (message.type === "llm.restarted") {
      const begun = shown.findLastIndex((m) => m.type === "llm.delta" && m.turn === message.turn);
      if (begun >= 0) shown.splice(begun, 1);
      shown.push(message);
    } else shown.push(message);
  }
  return shown;
}

export function MessageView({ message, all, onReply }: Props) {
  switch (message.type) {
    case "accepted":
      return message.question ? <p class="bubble mine">{message.question}</p> : null;
    case "progress":
      return <p class="step">{message.text}</p>;
    case "llm.delta":
      return <p class="bubble">{message.text}</p>;
    case "llm.restarted":
      return <p class="step">The model's answer broke off; it is asked again.</p>;
    case "tool.started":
      return (
        <ToolCall
          call={message}
          done={all.find((m) => m.type === "tool.finished" && m.toolCallId === message.toolCallId)}
        />
      );
    case "prompt":
      return <Prompt message={message} answered={all.some((m) => m.seq > message.seq)} onReply={onReply} />;
    case "finished":
      return <Result outcome={message as unknown as Outcome} />;
    default:
      return null;
  }
}

function ToolCall({ call, done }: { call: Message; done?: Message }) {
  const args = call.arguments ?? {};
  return (
    <details class="tool">
      <summary>
        <Badge status={done ? (done.ok ? "SUCCEEDED" : "FAILED") : "RUNNING"} /> <strong>{call.tool}</strong>{" "}
        <span class="quiet">{done?.output && summary(call.tool, done.output)}</span>
      </summary>
      {call.tool === "identify_adjustment_set" && Array.isArray(args.edges) && (
        <CausalGraph
          edges={args.edges}
          treatment={args.treatment}
          outcome={args.outcome}
          adjusted={done?.output?.adjustment_set ?? []}
          unobserved={args.unobserved}
          openPath={done?.output?.open_path}
        />
      )}
      <h3>Arguments</h3>
      <Json text={JSON.stringify(args, null, 2)} label="the arguments" />
      <h3>Output</h3>
      <Json text={done ? JSON.stringify(done.output, null, 2) : undefined} label="the output" />
    </details>
  );
}

/** What came of a tool, in a few words. */
function summary(tool: string, output: any): string {
  if (output.error) return output.error;
  switch (tool) {
    case "profile_dataset":
      return `${output.rows?.toLocaleString()} rows, ${output.columns?.length} columns`;
    case "identify_adjustment_set":
      return output.by === "back-door" ? `adjust for ${output.adjustment_set.join(", ") || "nothing"}` : output.note;
    case "estimate_effect":
      return Object.values<any>(output.estimates)
        .map((e) => (e.error ? "—" : number(e.estimate)))
        .join(" · ");
    case "refute_estimate": {
      const checks = Object.values<any>(output.checks ?? {});
      return `${checks.filter((check) => check.passed).length} of ${checks.length} passed`;
    }
    case "check_graph":
      return output.agrees ? `${output.tested} independences hold` : output.findings[0].text;
    case "sensitivity":
      return `Robustness value ${(output.robustness_value * 100).toFixed(1)}%, E-value ${number(output.e_value)}`;
    default:
      return "";
  }
}

function Prompt({
  message,
  answered,
  onReply,
}: {
  message: Message;
  answered: boolean;
  onReply: (answer: string) => void;
}) {
  const [own, setOwn] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (own.trim()) onReply(own.trim());
  };
  return (
    <div class={`bubble prompt ${answered ? "answered" : ""}`}>
      <p>
        <strong>{message.question}</strong>
      </p>
      {!answered && (
        <div class="actions">
          {(message.options ?? []).map((option: string) => (
            <button key={option} class="primary" onClick={() => onReply(option)}>
              {option}
            </button>
          ))}
          <form class="own" onSubmit={submit}>
            <input
              aria-label="Your own answer"
              placeholder="Your own answer"
              value={own}
              onInput={(e) => setOwn(e.currentTarget.value)}
            />
            <button disabled={!own.trim()}>Answer</button>
          </form>
        </div>
      )}
    </div>
  );
}
