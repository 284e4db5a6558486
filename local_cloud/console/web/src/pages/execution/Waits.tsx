import { useState } from "preact/hooks";
import { aws, workflows } from "../../api";
import { clock, duration } from "../../format";
import { usePolled } from "../../parts/loading";
import { Problem } from "../../parts/parts";

interface Wait {
  wait: number;
  state: string;
  kind: "wait" | "retry" | "task" | "answer";
  since: number;
  until: number | null;
  taskToken?: string;
}

const WORDS = {
  wait: "waits",
  retry: "pauses before another attempt",
  task: "runs a task",
  answer: "waits for an answer",
};
/** Later than this there is no time-out. */
const NEVER = 365 * 86_400;

/** What an execution waits for: each can be ended here, and a task that waits be answered. */
export function Waits({ arn }: { arn: string }) {
  const [waits, setWaits] = useState<Wait[]>([]);
  const [scale, setScale] = useState(1);
  const [failure, setFailure] = useState<unknown>();
  const look = () =>
    workflows(`waits?executionArn=${encodeURIComponent(arn)}`).then((found) => {
      setWaits(found.waits);
      setScale(found.timeScale);
    });
  const error = usePolled(look, 1000, [arn]);
  const act = (done: Promise<unknown>) =>
    done.then(
      () => setFailure(undefined),
      (wrong) => setFailure(wrong),
    );
  if (!waits.length && !failure) return null;
  return (
    <section class="card waits" aria-label="Waits">
      {scale !== 1 && <p class="quiet">Time passes {scale.toLocaleString()} times as fast in this execution.</p>}
      <Problem error={failure ?? error} />
      <ul>
        {waits.map((wait) => (
          <li key={wait.wait}>
            <OneWait wait={wait} arn={arn} act={act} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function OneWait({ wait, arn, act }: { wait: Wait; arn: string; act: (done: Promise<unknown>) => void }) {
  const [form, setForm] = useState<"answer" | "fail">();
  const { kind, until, since, taskToken } = wait;
  const timesOut = until !== null && until - since < NEVER;
  const skip = () => act(workflows("skip", { executionArn: arn, wait: wait.wait }));
  return (
    <>
      <span>
        <strong>{wait.state}</strong> {WORDS[kind]}
        {timesOut && ` until ${clock(until)} (${duration(until - since)})`}
      </span>{" "}
      {(kind === "wait" || kind === "retry") && <button onClick={skip}>Skip</button>}
      {kind === "answer" && taskToken && (
        <>
          <button onClick={() => setForm(form === "answer" ? undefined : "answer")}>Answer…</button>{" "}
          <button onClick={() => setForm(form === "fail" ? undefined : "fail")}>Fail…</button>{" "}
          {timesOut && <button onClick={skip}>Time out</button>}
        </>
      )}
      {form === "answer" && <Answer onSend={(output) => act(succeed(taskToken!, output))} />}
      {form === "fail" && <Fail onSend={(error, cause) => act(fail(taskToken!, error, cause))} />}
    </>
  );
}

const succeed = (taskToken: string, output: string) => aws("stepfunctions", "send_task_success", { taskToken, output });
const fail = (taskToken: string, error: string, cause: string) =>
  aws("stepfunctions", "send_task_failure", { taskToken, error, cause });

function Answer({ onSend }: { onSend: (output: string) => void }) {
  const [output, setOutput] = useState("{}");
  const send = (event: Event) => {
    event.preventDefault();
    onSend(output);
  };
  return (
    <form onSubmit={send} class="try">
      <label>
        Output, as JSON
        <textarea rows={3} spellcheck={false} value={output} onInput={(e) => setOutput(e.currentTarget.value)} />
      </label>
      <div class="actions">
        <button class="primary" type="submit">
          Send the answer
        </button>
      </div>
    </form>
  );
}

function Fail({ onSend }: { onSend: (error: string, cause: string) => void }) {
  const [error, setError] = useState("Failed");
  const [cause, setCause] = useState("");
  const send = (event: Event) => {
    event.preventDefault();
    onSend(error, cause);
  };
  return (
    <form onSubmit={send} class="try">
      <label>
        Error
        <input value={error} onInput={(e) => setError(e.currentTarget.value)} />
      </label>
      <label>
        Cause
        <input value={cause} onInput={(e) => setCause(e.currentTarget.value)} />
      </label>
      <div class="actions">
        <button type="submit">Fail the task</button>
      </div>
    </form>
  );
}
