import { render } from "preact";
import { Result } from "../result/Result";
import type { Outcome } from "../result/types";
import "../style/base.css";
import "../style/charts.css";
import "../style/pages.css";
import "./report.css";

/** A result as a page of its own, which carries its data. */
function Report({ outcome }: { outcome: Outcome }) {
  return (
    <main>
      <h1>{outcome.question}</h1>
      <p class="quiet">
        Dataset {outcome.dataset} · analysis <code>{outcome.analysisId}</code>
      </p>
      <Result outcome={outcome} />
    </main>
  );
}

const outcome = JSON.parse(document.getElementById("result")!.textContent!) as Outcome;
document.title = `${outcome.question} · Report`;
render(<Report outcome={outcome} />, document.getElementById("app")!);
