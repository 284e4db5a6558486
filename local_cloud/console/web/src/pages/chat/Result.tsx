import { type Balance, BalancePlot } from "../../charts/BalancePlot";
import { type Estimate, ForestPlot, methodName } from "../../charts/ForestPlot";
import { number } from "../../format";
import { Badge } from "../../parts/parts";
import type { Message } from "./useAgent";

/** What came of an analysis, in words, pictures and figures. */
export function Result({ message }: { message: Message }) {
  const estimates: Record<string, Estimate> = message.estimates ?? {};
  const balance: Balance = message.balance ?? {};
  const refutations = Object.entries<{ passed: boolean; mean_effect?: number }>(message.refutations ?? {});
  const evalue = message.sensitivity?.e_value;
  return (
    <div class="card result">
      <h2>
        Result <Badge status={message.status} />
      </h2>
      <p>{message.summary}</p>
      {Object.keys(estimates).length > 0 && (
        <>
          <div class="pictures">
            <ForestPlot estimates={estimates} headline={message.headlineMethod} />
            <BalancePlot balance={balance} />
          </div>
          <Estimates estimates={estimates} headline={message.headlineMethod} />
        </>
      )}
      {(refutations.length > 0 || evalue !== undefined) && (
        <ul class="checks">
          {refutations.map(([name, { passed }]) => (
            <li key={name}>
              <span class={passed ? "fine" : "bad"}>{passed ? "✓" : "✗"}</span> {name.replaceAll("_", " ")}:{" "}
              {passed ? "passed" : "did not pass"}
            </li>
          ))}
          {evalue !== undefined && <li>E-value {number(evalue)}</li>}
        </ul>
      )}
      {message.resultUri && (
        <p class="quiet">
          All of it: <code>{message.resultUri}</code>
        </p>
      )}
    </div>
  );
}

function Estimates({ estimates, headline }: { estimates: Record<string, Estimate>; headline?: string }) {
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>Method</th>
            <th class="digits">Estimate</th>
            <th class="digits">Standard error</th>
            <th class="digits">95% interval</th>
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
              <td class="digits">{e.n?.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
