import { BalancePlot } from "../charts/BalancePlot";
import { CausalGraph } from "../charts/CausalGraph";
import { type Estimate, ForestPlot } from "../charts/ForestPlot";
import { OverlapPlot } from "../charts/OverlapPlot";
import { SensitivityPlot } from "../charts/SensitivityPlot";
import { number } from "../format";
import { Badge } from "../parts/parts";
import { IN_WORDS, methodName } from "./methods";
import type { Check, Finding, Outcome } from "./types";

const WEIGHTS = { stops: "no claim", weakens: "weakens", note: "note" } as const;

/** What came of an analysis: its limits first, then words, pictures and figures. */
export function Result({ outcome }: { outcome: Outcome }) {
  const estimates = outcome.estimates ?? {};
  const refutations = Object.entries(outcome.refutations ?? {});
  const headline = outcome.evidence?.claim === "none" ? undefined : outcome.headlineMethod;
  const { e_value, robustness_value } = outcome.sensitivity ?? {};
  return (
    <div class="card result">
      <h2>
        Result <Badge status={outcome.status} />
      </h2>
      <Limits findings={outcome.findings ?? []} />
      <p class={outcome.evidence?.claim === "none" ? "refused" : ""}>{outcome.summary}</p>
      {Object.keys(estimates).length > 0 && <Evidence outcome={outcome} estimates={estimates} headline={headline} />}
      {(refutations.length > 0 || e_value !== undefined) && (
        <>
          <h3>Attempts to refute it</h3>
          <ul class="checks">
            {refutations.map(([name, check]) => (
              <Attempt key={name} name={name} check={check} />
            ))}
            {e_value !== undefined && <li>E-value {number(e_value)}</li>}
            {robustness_value !== undefined && <li>Robustness value {(robustness_value * 100).toFixed(1)}%</li>}
          </ul>
        </>
      )}
      <Methods used={Object.keys(estimates)} />
      <Files outcome={outcome} />
    </div>
  );
}

function Limits({ findings }: { findings: Finding[] }) {
  if (!findings.length) return null;
  return (
    <section aria-label="Limits">
      <h3>Limits</h3>
      <ul class="findings">
        {findings.map((finding) => (
          <li key={finding.text} class={finding.weight}>
            <span class="weight">{WEIGHTS[finding.weight]}</span> {finding.text}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface EvidenceProps {
  outcome: Outcome;
  estimates: Record<string, Estimate>;
  headline?: string;
}

function Evidence({ outcome, estimates, headline }: EvidenceProps) {
  const { att = {}, trimmed, overlap, graph, identification, treatment = "", outcome: y = "" } = outcome.evidence ?? {};
  const forSome: Record<string, Estimate> = Object.fromEntries(
    Object.entries(att).map(([method, estimate]) => [`${methodName(method)}, treated`, estimate]),
  );
  if (trimmed?.ATE) forSome["Trimmed, all"] = trimmed.ATE;
  if (trimmed?.ATT) forSome["Trimmed, treated"] = trimmed.ATT;
  return (
    <>
      <div class="pictures">
        <ForestPlot
          title="Effect for everybody, with 95% confidence intervals"
          estimates={estimates}
          headline={headline}
        />
        <ForestPlot title="For the treated, and for rows that have counterparts" estimates={forSome} />
        {overlap && <OverlapPlot overlap={overlap} />}
        <BalancePlot balance={outcome.balance ?? {}} />
        {outcome.sensitivity && <SensitivityPlot sensitivity={outcome.sensitivity} />}
        {graph?.edges && (
          <CausalGraph
            edges={graph.edges}
            treatment={treatment}
            outcome={y}
            adjusted={identification?.adjustment_set ?? []}
            unobserved={graph.unobserved}
            openPath={identification?.open_path}
          />
        )}
      </div>
      <Estimates estimates={estimates} headline={headline} />
      {Object.keys(forSome).length > 0 && <Estimates estimates={forSome} />}
      {overlap && (
        <p class="quiet">
          Weighted to stand for everybody, the {overlap.rows.treated.toLocaleString()} treated rows count for{" "}
          {number(overlap.ATE.treated.effective_rows)} and the {overlap.rows.untreated.toLocaleString()} others for{" "}
          {number(overlap.ATE.untreated.effective_rows)}; the largest weights are{" "}
          {(overlap.ATE.treated.largest_weight_share * 100).toFixed(1)}% and{" "}
          {(overlap.ATE.untreated.largest_weight_share * 100).toFixed(1)}% of their group's.{" "}
          {(overlap.outside_common_support * 100).toFixed(1)}% of all rows lie outside the common support.
        </p>
      )}
      {outcome.evidence?.first_stage && (
        <p class="quiet">
          First stage: F {number(outcome.evidence.first_stage.f)}, partial R²{" "}
          {number(outcome.evidence.first_stage.partial_r2)}.
        </p>
      )}
    </>
  );
}

function Attempt({ name, check }: { name: string; check: Check }) {
  return (
    <li>
      <span class={check.passed ? "fine" : "bad"}>{check.passed ? "✓" : "✗"}</span> {name.replaceAll("_", " ")}:{" "}
      {check.passed ? "passed" : "did not pass"}
      {check.shows && (
        <span class="quiet">
          {" "}
          · asks whether {check.shows}; does not show {check.cannot_show}
        </span>
      )}
    </li>
  );
}

function Methods({ used }: { used: string[] }) {
  const known = used.filter((method) => IN_WORDS[method]);
  if (!known.length) return null;
  return (
    <details>
      <summary>Methods in words</summary>
      <dl class="methods">
        {known.map((method) => (
          <>
            <dt key={method}>{methodName(method)}</dt>
            <dd>{IN_WORDS[method]}</dd>
          </>
        ))}
      </dl>
    </details>
  );
}

/** The files that a user keeps: links in the console, the script itself in the report. */
function Files({ outcome }: { outcome: Outcome }) {
  const { files = {}, resultUri, script } = outcome;
  return (
    <>
      {script && (
        <details>
          <summary>The code to do it again</summary>
          <pre tabIndex={0} aria-label="the code">
            {script}
          </pre>
        </details>
      )}
      {(files.report || files.script) && (
        <p class="actions">
          {files.report && (
            <a href={objectLink(files.report)} download>
              Report (HTML)
            </a>
          )}
          {files.script && (
            <a href={objectLink(files.script)} download>
              Code to do it again (Python)
            </a>
          )}
        </p>
      )}
      {resultUri && (
        <p class="quiet">
          All of it: <code>{resultUri}</code>
        </p>
      )}
    </>
  );
}

function objectLink(uri: string): string {
  const [bucket, ...key] = uri.replace("s3://", "").split("/");
  return `/api/objects?bucket=${encodeURIComponent(bucket!)}&key=${encodeURIComponent(key.join("/"))}`;
}

function Estimates({ estimates, headline }: { estimates: Record<string, Estimate>; headline?: string }) {
  const ratios = Object.values(estimates).some((e) => e.ratio);
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>Method</th>
            <th class="digits">Estimate</th>
            <th class="digits">Standard error</th>
            <th class="digits">95% interval</th>
            {ratios && <th class="digits">Ratio of means</th>}
            <th class="digits">Rows</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(estimates).map(([name, e]) => (
            <tr key={name} class={name === headline ? "chosen" : ""}>
              <td>{methodName(name)}</td>
              <td class="digits">{number(e.estimate)}</td>
              <td class="digits">{number(e.std_error)}</td>
              <td class="digits">
                {number(e.ci_low)} to {number(e.ci_high)}
              </td>
              {ratios && (
                <td class="digits">
                  {e.ratio && `${number(e.ratio.estimate)} (${number(e.ratio.ci_low)} to ${number(e.ratio.ci_high)})`}
                </td>
              )}
              <td class="digits">{e.n?.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
