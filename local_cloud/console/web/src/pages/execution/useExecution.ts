import { useEffect, useState } from "preact/hooks";
import { aws, watch } from "../../api";
import { parse } from "../../format";
import type { ExecutionDetail, HistoryEvent, Machine } from "../../types";

export interface LiveExecution {
  execution?: ExecutionDetail;
  definition?: Machine;
  events: HistoryEvent[];
  problem?: string;
}

/** An execution, its state machine as it was then, and its events as they come. */
export function useExecution(arn: string): LiveExecution {
  const [execution, setExecution] = useState<ExecutionDetail>();
  const [definition, setDefinition] = useState<Machine>();
  const [events, setEvents] = useState<HistoryEvent[]>([]);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    setEvents([]);
    return watch(`?execution=${encodeURIComponent(arn)}`, {
      execution: (found: ExecutionDetail) => {
        setExecution(found);
        setProblem(undefined);
      },
      // A connection that was lost begins again from the first event.
      history: (found: HistoryEvent[]) => setEvents((before) => (found[0]?.id === 1 ? found : [...before, ...found])),
      problem: ({ error }) => setProblem(error),
      down: () => setProblem("The console does not answer. It is asked again."),
    });
  }, [arn]);
  useEffect(() => {
    aws("stepfunctions", "describe_state_machine_for_execution", { executionArn: arn }).then(
      (found) => setDefinition(parse(found.definition)),
      (failure: Error) => setProblem(failure.message),
    );
  }, [arn]);
  return { execution, definition, events, problem };
}
