/** Traces as the console's server tells them. */

import { parse } from "../../format";

export interface TraceItem {
  trace: string;
  kind: string;
  name: string;
  /** What began it has ended. */
  whole: boolean;
  /** Seconds since 1970. */
  start: number;
  seconds: number;
  spans: number;
  errors: number;
  functions: string[];
  executions: string[];
  connection?: string;
  user?: string;
}

export interface Link {
  trace: string;
  span: string;
}

export interface Span {
  id: string;
  parent?: string;
  kind: string;
  name: string;
  start: number;
  end: number;
  depth: number;
  error?: string;
  request?: string;
  response?: string;
  resource?: string;
  key?: string;
  request_id?: string;
  execution?: string;
  /** What the call needs; a decision is there where it is not allowed. */
  permissions?: { action: string; resource: string; decision?: string }[];
  denied?: string;
  answers?: Link;
  answered_by?: Link;
  [detail: string]: unknown;
}

export interface TraceDetail extends TraceItem {
  /** From top to bottom, each with its depth. */
  tree: Span[];
  /** What it would have cost on AWS, in USD. */
  costs: { usd: number; items: { what: string; amount: number; usd: number }[]; asOf: string; region: string };
}

/** Operations that change what a service holds, and how people call that. */
const WRITES: Record<string, string> = {
  "dynamodb.PutItem": "put",
  "dynamodb.UpdateItem": "updated",
  "dynamodb.DeleteItem": "deleted",
  "s3.PutObject": "put",
  "s3.CopyObject": "copied",
  "s3.DeleteObject": "deleted",
  "sqs.SendMessage": "sent",
  "sns.Publish": "published",
  "secretsmanager.PutSecretValue": "put",
  "ssm.PutParameter": "put",
};

export interface Write {
  span: Span;
  done: string;
  /** The key, or the item, or whatever tells it from its neighbours. */
  what: string;
}

export function writes(tree: Span[]): Write[] {
  return tree
    .filter((span) => span.kind === "call" && span.error === undefined && WRITES[span.name])
    .map((span) => ({ span, done: WRITES[span.name]!, what: whatOf(span) }));
}

function whatOf({ key, request, resource, name }: Span): string {
  const item = parse(request)?.Item;
  return plain(key) ?? (item && plain(JSON.stringify(item))) ?? resource ?? name;
}

/** DynamoDB's values without their types. */
function plain(text?: string): string | undefined {
  const found = parse(text);
  if (typeof found !== "object" || !found) return text;
  return Object.entries(found)
    .map(
      ([attribute, value]) =>
        `${attribute}: ${Object.values(value as object)
          .map(String)
          .join(" ")}`,
    )
    .join(", ");
}

/** What a span is in words that tell it from its neighbours. */
export function titleOf({ kind, name }: Span): string {
  if (kind === "call" || kind === "state") return name;
  return `${kind} ${kind === "execution" ? name.slice(0, 8) : name}`;
}

/** The spans without those below the ones that are closed. */
export function visible(tree: Span[], closed: ReadonlySet<string>): Span[] {
  const shown: Span[] = [];
  let under = Infinity;
  for (const span of tree) {
    if (span.depth > under) continue;
    under = closed.has(span.id) ? span.depth : Infinity;
    shown.push(span);
  }
  return shown;
}
