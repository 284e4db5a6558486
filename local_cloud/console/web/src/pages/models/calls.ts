/** A call of a model, as the engine tells it. */

export interface ModelCallItem {
  id: string;
  /** Seconds since 1970. */
  at: number;
  model: string;
  asks: string;
  says: string;
  tools: string[];
  inputTokens: number;
  outputTokens: number;
  firstMs: number | null;
  /** Null while it answers. */
  ms: number | null;
  stop: string | null;
  error: string | null;
  /** Whether who asked has gone before its end. */
  left: boolean;
  trace: string | null;
  span: string | null;
}

export interface Piece {
  ms: number;
  text?: string;
  thought?: { text?: string; signature?: string; redacted?: string };
  tool?: { id: string; name: string };
  input?: string;
  stop?: { reason: string };
  error?: { code: string; message: string };
}

export interface Block {
  text?: string;
  reasoningContent?: { reasoningText?: { text: string } };
  toolUse?: { toolUseId: string; name: string; input: unknown };
  toolResult?: { toolUseId: string; content: { text?: string; json?: unknown }[]; status?: string };
}

export interface ModelCallDetail extends ModelCallItem {
  request: {
    modelId: string;
    messages: { role: string; content: Block[] }[];
    system?: { text: string }[];
    toolConfig?: { tools: { toolSpec: { name: string; description?: string } }[] };
  };
  pieces: Piece[];
  thoughts: string;
  text: string;
  calls: { id: string; name: string; input: unknown }[];
  cassette: string;
  script: string;
}

export function statusOf(call: ModelCallItem): string {
  if (call.error) return "FAILED";
  return call.ms === null ? "RUNNING" : call.stop === null ? "ABORTED" : "SUCCEEDED";
}
