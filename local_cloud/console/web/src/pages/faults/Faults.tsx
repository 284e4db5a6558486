import { useState } from "preact/hooks";
import { faults } from "../../api";
import { usePolled } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";

const PAUSE_MILLISECONDS = 1000;
const PLACES = ["call", "connect", "message", "integration", "post"] as const;
const ACTIONS = {
  call: ["fail", "delay", "lose"],
  gateway: ["fail", "delay", "drop", "duplicate"],
} as const;
const ERRORS = [
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "ConditionalCheckFailedException",
  "SlowDown",
  "ServiceUnavailable",
  "InternalServerError",
  "TooManyRequestsException",
];
/** What a rule of calls, or of the gateway, may be about. */
const ABOUT = {
  call: [
    ["service", "Service", "dynamodb"],
    ["operation", "Operation", "PutItem"],
    ["resource", "Resource", "a table, bucket, …"],
    ["caller", "Caller", "a function"],
  ],
  gateway: [["route", "Route", "analyze"]],
} as const;

type Rule = Record<string, string | number>;

/** What goes wrong on purpose: the rules there are, and a form for another one. */
export function Faults() {
  const [rules, setRules] = useState<Rule[]>();
  const [failure, setFailure] = useState<unknown>();
  const error = usePolled(async () => setRules((await faults("GET")).rules), PAUSE_MILLISECONDS);
  const act = (work: Promise<{ rules: Rule[] }>) =>
    work.then(
      (told) => {
        setRules(told.rules);
        setFailure(undefined);
      },
      (problem) => setFailure(problem),
    );
  return (
    <section>
      <div class="title">
        <h1>Faults on purpose</h1>
        <span class="spring" />
        <button disabled={!rules?.length} onClick={() => act(faults("DELETE"))}>
          Clear all
        </button>
      </div>
      <Problem error={failure ?? error} />
      <NewRule onAdd={(rule) => act(faults("POST", { rules: [rule] }))} />
      {!rules && !error && <Loading what="the rules" />}
      {rules?.length === 0 && <Empty>Nothing goes wrong on purpose.</Empty>}
      {rules && rules.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table class="stacked">
            <thead>
              <tr>
                <th>Of</th>
                <th>What</th>
                <th>About</th>
                <th class="digits">Struck</th>
              </tr>
            </thead>
            <tbody>
              {rules.map((rule, at) => (
                <tr key={at}>
                  <td class="main">{rule.on}</td>
                  <td>{done(rule)}</td>
                  <td class="cell wide">{about(rule)}</td>
                  <td class="digits">
                    {rule.struck}
                    {rule.count !== undefined && ` of ${rule.count}`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function NewRule({ onAdd }: { onAdd: (rule: Rule) => void }) {
  const [rule, setRule] = useState<Record<string, string>>({ on: "call", action: "fail" });
  const kind = rule.on === "call" ? "call" : "gateway";
  const set = (name: string, value: string) => setRule({ ...rule, [name]: value });
  const place = (on: string) => setRule({ on, action: "fail" });
  const add = (event: Event) => {
    event.preventDefault();
    onAdd(Object.fromEntries(Object.entries(rule).filter(([, value]) => value.trim() !== "")));
  };
  const field = (name: string, title: string, placeholder = "", type = "text") => (
    <label key={name}>
      {title}
      <input
        type={type}
        step="any"
        placeholder={placeholder}
        value={rule[name] ?? ""}
        list={name === "error" ? "known-errors" : undefined}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  return (
    <form class="card" onSubmit={add} aria-label="New rule">
      <div class="filters">
        <label>
          Of
          <select value={rule.on} onChange={(event) => place(event.currentTarget.value)}>
            {PLACES.map((one) => (
              <option key={one} value={one}>
                {one === "call" ? "a call of an AWS API" : `the gateway: ${one}`}
              </option>
            ))}
          </select>
        </label>
        <label>
          Action
          <select value={rule.action} onChange={(event) => set("action", event.currentTarget.value)}>
            {ACTIONS[kind].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        {rule.action === "delay" && field("seconds", "Seconds", "1", "number")}
        {rule.action === "fail" && kind === "call" && field("error", "Error", "ThrottlingException")}
        {rule.action === "fail" && kind === "gateway" && field("status", "Status", "500", "number")}
        {ABOUT[kind].map(([name, title, placeholder]) => field(name, title, `Any, such as ${placeholder}`))}
        {field("probability", "Probability", "1", "number")}
        {field("count", "At most", "no limit", "number")}
        <button class="primary" type="submit">
          Add
        </button>
        <datalist id="known-errors">
          {ERRORS.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </div>
    </form>
  );
}

function done({ action, error, status, seconds, probability }: Rule): string {
  const what = action === "delay" ? `delay ${seconds} s` : [action, error ?? status].filter(Boolean).join(" ");
  return probability === 1 ? what : `${what}, probability ${probability}`;
}

function about(rule: Rule): string {
  const named = ["service", "operation", "resource", "caller", "route"].filter((name) => rule[name] !== undefined);
  return named.map((name) => `${name} ${rule[name]}`).join(", ") || "all";
}
