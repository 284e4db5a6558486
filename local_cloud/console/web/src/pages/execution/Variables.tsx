import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { clock, pretty } from "../../format";
import { variables, type Visit } from "../../history";
import { Empty } from "../../parts/parts";
import { Opener, Under } from "../../parts/rows";

const SHORT = 60;

interface Props {
  passes: Visit[];
  onSelect: (name: string, entered: number) => void;
}

/** The variables as they are at the chosen moment: each with its scope, and what it was before. */
export function Variables({ passes, onSelect }: Props) {
  const [open, setOpen] = useState<string>();
  const found = variables(passes);
  if (!found.length) return <Empty>No state has assigned a variable so far.</Empty>;
  return (
    <div class="scroll plain tall" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>Variable</th>
            <th>Value</th>
            <th>Scope</th>
            <th>Assigned by</th>
          </tr>
        </thead>
        <tbody>
          {found.map(({ name, value, by, before }) => {
            const key = `${by.scope}/${name}`;
            const past = [...before, { value, by }].map(
              (one) => `${clock(one.by.exitedAt!)}  ${one.by.name}
${pretty(one.value)}`,
            );
            return (
              <Fragment key={key}>
                <tr>
                  <td>
                    <Opener open={open === key} onToggle={() => setOpen(open === key ? undefined : key)}>
                      ${name}
                    </Opener>
                  </td>
                  <td>
                    <code>{value.length > SHORT ? `${value.slice(0, SHORT)}…` : value}</code>
                  </td>
                  <td>{scope(by)}</td>
                  <td>
                    <button class="link" onClick={() => onSelect(by.name, by.entered)}>
                      {by.name}
                    </button>
                    {before.length > 0 && <small> · {before.length + 1} times</small>}
                  </td>
                </tr>
                {open === key && <Under columns={4} text={past.join("\n\n")} label={`the values of ${name}`} />}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Where a variable is seen: in the whole workflow, or inside of a Map's item or a branch. */
function scope(visit: Visit): string {
  if (!visit.parent) return "workflow";
  return visit.iteration === undefined
    ? `branch of ${visit.parent.name}`
    : `${visit.parent.name}, item ${visit.iteration}`;
}
