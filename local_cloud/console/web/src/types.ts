/** The parts of AWS' answers that the pages read. Times are seconds since 1970. */

export interface StateMachineItem {
  stateMachineArn: string;
  name: string;
}

export interface ExecutionItem {
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: ExecutionStatus;
  startDate: number;
  stopDate?: number;
}

export interface ExecutionDetail extends ExecutionItem {
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
}

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "PENDING_REDRIVE";

/** Of Amazon States Language. https://states-language.net/spec.html */
export interface Machine {
  Comment?: string;
  StartAt: string;
  QueryLanguage?: string;
  States: Record<string, State>;
}

export interface State {
  Type: string;
  Next?: string;
  End?: boolean;
  Default?: string;
  Choices?: Record<string, unknown>[];
  Catch?: { ErrorEquals: string[]; Next: string }[];
  Branches?: Machine[];
  ItemProcessor?: Machine;
  Iterator?: Machine;
  QueryLanguage?: string;
}

export interface HistoryEvent {
  id: number;
  previousEventId?: number;
  type: string;
  timestamp: number;
  // Details, under a key of the event's type.
  [details: string]: any;
}
