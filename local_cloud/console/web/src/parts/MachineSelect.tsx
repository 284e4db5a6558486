import type { StateMachineItem } from "../types";

interface Props {
  machines: StateMachineItem[];
  /** The ARN of the chosen one; empty for all, where `all` may be chosen. */
  value: string;
  onChoose: (arn: string) => void;
  all?: boolean;
  label?: string;
}

/** A choice of state machines. */
export function MachineSelect({ machines, value, onChoose, all = false, label }: Props) {
  return (
    <select aria-label={label} value={value} onChange={(e) => onChoose(e.currentTarget.value)}>
      {all && <option value="">All</option>}
      {machines.map((machine) => (
        <option key={machine.stateMachineArn} value={machine.stateMachineArn}>
          {machine.name}
        </option>
      ))}
    </select>
  );
}
