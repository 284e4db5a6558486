import { useState } from "preact/hooks";
import { Problem } from "../../parts/parts";

/** A question that each of the datasets that come with the kit can answer. */
const QUESTIONS: Record<string, string> = {
  nsw: "What did the programme do to 1978 earnings?",
  nsw_cps: "What did the programme do to 1978 earnings?",
  nhefs: "What did quitting smoking do to weight gain?",
};

interface Props {
  datasets: string[];
  busy: boolean;
  onAsk: (question: string, dataset: string) => void;
  onUpload: (name: string, file: File) => Promise<string>;
}

/** A question about a dataset: one that is there, or one's own. */
export function Ask({ datasets, busy, onAsk, onUpload }: Props) {
  const [dataset, setDataset] = useState(datasets.includes("nsw") ? "nsw" : (datasets[0] ?? ""));
  const [typed, setTyped] = useState<string>();
  const [error, setError] = useState<unknown>();
  const question = typed ?? QUESTIONS[dataset] ?? "";
  const take = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (!file) return;
    const name =
      file.name
        .replace(/\.csv$/i, "")
        .replace(/[^A-Za-z0-9_-]/g, "-")
        .slice(0, 64) || "upload";
    try {
      setDataset(await onUpload(name, file));
      setError(undefined);
    } catch (failure) {
      setError(failure);
    }
    input.value = "";
  };
  const submit = (event: Event) => {
    event.preventDefault();
    onAsk(question, dataset);
  };
  return (
    <form class="card ask" onSubmit={submit}>
      <label>
        Question
        <input
          required
          maxLength={4000}
          value={question}
          placeholder="What did … do to …?"
          onInput={(e) => setTyped(e.currentTarget.value)}
        />
      </label>
      <div class="filters">
        <label>
          Dataset
          <select value={dataset} onChange={(e) => setDataset(e.currentTarget.value)}>
            {datasets.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Or upload a CSV
          <input type="file" accept=".csv,text/csv" onChange={(e) => take(e.currentTarget)} />
        </label>
        <span class="spring" />
        <button class="primary" disabled={busy || !dataset}>
          Ask
        </button>
      </div>
      <Problem error={error} />
    </form>
  );
}
