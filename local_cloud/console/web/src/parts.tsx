import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

export function Badge({ status }: { status: string }) {
  return <span class={`badge ${status.toLowerCase()}`}>{status}</span>;
}

/** What could not be done, and what to do about it. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (!error) return null;
  const words = error instanceof Error ? error.message : String(error);
  return (
    <div class="problem" role="alert">
      <span>{words}</span>
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Load something when a page opens, and again on demand. */
export function useLoaded<T>(load: () => Promise<T>, marks: unknown[] = []) {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let here = true;
    load().then(
      (found) => {
        if (!here) return;
        setValue(() => found);
        setError(undefined);
      },
      (failure) => here && setError(failure),
    );
    return () => {
      here = false;
    };
  }, [...marks, turn]);
  return { value, error, again: () => setTurn((n) => n + 1) };
}

export function Json({ text }: { text?: string }) {
  if (text === undefined) return <p class="quiet">None.</p>;
  return <pre tabIndex={0}>{text}</pre>;
}
