import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Chat } from "./pages/chat/Chat";
import { Compare } from "./pages/compare/Compare";
import { Execution } from "./pages/execution/Execution";
import { Executions } from "./pages/executions/Executions";
import { Resources } from "./pages/resources/Resources";
import { Faults } from "./pages/faults/Faults";
import { Permissions } from "./pages/permissions/Permissions";
import { ModelCall } from "./pages/models/ModelCall";
import { Models } from "./pages/models/Models";
import { StateMachine } from "./pages/machine/StateMachine";
import { ComparedTraces } from "./pages/traces/ComparedTraces";
import { Trace } from "./pages/traces/Trace";
import { Traces } from "./pages/traces/Traces";
import { link, useAddress } from "./router";
import "./style/base.css";
import "./style/graph.css";
import "./style/charts.css";
import "./style/pages.css";

const PAGES = [
  ["executions", "Executions"],
  ["traces", "Traces"],
  ["models", "Models"],
  ["machine", "State machines"],
  ["chat", "Chat"],
  ["resources", "Resources"],
  ["permissions", "Permissions"],
  ["faults", "Faults"],
] as const;
/** Pages that are reached from another one, and are shown as part of it. */
const PART_OF: Record<string, string> = {
  execution: "executions",
  compare: "executions",
  trace: "traces",
  "model-call": "models",
  "traces-compared": "traces",
};

function App() {
  const [page = "executions", first = "", second = ""] = useAddress();
  const main = useRef<HTMLElement>(null);
  const shown = PART_OF[page] ?? page;
  const title = PAGES.find(([name]) => name === shown)?.[1];
  useEffect(() => {
    document.title = title ? `${title} · Local cloud console` : "Local cloud console";
  }, [title]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header>
        <a class="brand" href={link("executions")} aria-label="Local cloud console">
          <img src="./icon.svg" alt="" width="22" height="22" /> <span>Local cloud console</span>
        </a>
        <nav aria-label="Pages">
          {PAGES.map(([name, words]) => (
            <a key={name} href={link(name)} aria-current={shown === name ? "page" : undefined}>
              {words}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {page === "executions" && <Executions like={first} from={second} key={first + second} />}
        {page === "execution" && <Execution arn={first} key={first} />}
        {page === "compare" && <Compare arns={[first, second]} key={first + second} />}
        {page === "traces" && <Traces of={first} key={first} />}
        {page === "trace" && <Trace name={first} key={first} />}
        {page === "traces-compared" && <ComparedTraces names={[first, second]} key={first + second} />}
        {page === "models" && <Models of={first} key={first} />}
        {page === "model-call" && <ModelCall name={first} key={first} />}
        {page === "permissions" && <Permissions name={first} key={first} />}
        {page === "faults" && <Faults />}
        {page === "machine" && <StateMachine arn={first} key={first} />}
        {page === "chat" && <Chat />}
        {page === "resources" && <Resources kind={first || "tables"} name={second} />}
        {!title && (
          <p class="empty">
            There is no page {page}. Go to the <a href={link("executions")}>executions</a>.
          </p>
        )}
      </main>
    </>
  );
}

render(<App />, document.getElementById("app")!);
