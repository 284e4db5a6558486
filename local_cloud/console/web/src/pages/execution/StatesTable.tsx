import { duration } from "../../format";
import { depth, retries, took, type Visit } from "../../history";
import { Badge, Empty } from "../../parts/parts";

interface Props {
  passes: Visit[];
  now: number;
  onSelect: (name: string) => void;
}

/** Every state that was entered: how often, for how long, how it ended. */
export function StatesTable({ passes, now, onSelect }: Props) {
  const states = new Map<string, Visit[]>();
  for (const visit of passes) {
    const known = states.get(visit.name);
    if (known) known.push(visit);
    else states.set(visit.name, [visit]);
  }
  if (!states.size) return <Empty>Nothing has run so far.</Empty>;
  const sum = (of: Visit[], value: (visit: Visit) => number) => of.reduce((total, visit) => total + value(visit), 0);
  return (
    <div class="scroll plain tall" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>State</th>
            <th>Status</th>
            <th class="digits">Passes</th>
            <th class="digits">Retries</th>
            <th class="digits">Time</th>
          </tr>
        </thead>
        <tbody>
          {[...states].map(([name, of]) => (
            <tr key={name}>
              <td style={{ paddingLeft: `${0.7 + depth(of[0]!)}rem` }}>
                <button class="link" onClick={() => onSelect(name)}>
                  {name}
                </button>
              </td>
              <td>
                <Badge status={(of.find((visit) => visit.status === "running") ?? of.at(-1)!).status} />
              </td>
              <td class="digits">{of.length}</td>
              <td class="digits">{sum(of, retries) || ""}</td>
              <td class="digits">{duration(sum(of, (visit) => took(visit, now)))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
