import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Chat } from "./pages/Chat";
import { Execution } from "./pages/Execution";
import { Executions } from "./pages/Executions";
import { Resources } from "./pages/Resources";
import { StateMachine } from "./pages/StateMachine";
import "./style.css";

const PAGES = [
  ["executions", "Executions"],
  ["machine", "State machines"],
  ["chat", "Chat"],
  ["resources", "Resources"],
] as const;

function useAddress(): [string, string] {
  const read = (): [string, string] => {
    const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
    return [page || "executions", decodeURIComponent(rest.join("/"))];
  };
  const [address, setAddress] = useState(read);
  useEffect(() => {
    const change = () => setAddress(read());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return address;
}

function App() {
  const [page, rest] = useAddress();
  const shown = page === "execution" ? "executions" : page;
  return (
    <>
      <header>
        <a class="brand" href="#/executions">
          <img src="./icon.svg" alt="" width="22" height="22" /> Step Functions Local
        </a>
        <nav aria-label="Pages">
          {PAGES.map(([name, title]) => (
            <a key={name} href={`#/${name}`} aria-current={shown === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        {page === "executions" && <Executions />}
        {page === "execution" && <Execution arn={rest} key={rest} />}
        {page === "machine" && <StateMachine arn={rest} key={rest} />}
        {page === "chat" && <Chat />}
        {page === "resources" && <Resources kind={rest} />}
      </main>
    </>
  );
}

render(<App />, document.getElementById("app")!);
