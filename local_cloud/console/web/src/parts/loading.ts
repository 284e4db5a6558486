import { useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  value?: T;
  error?: unknown;
  /** Load once more; what is shown stays until then. */
  again: () => void;
}

/** Load something when a page opens, and again when one of `marks` changes. */
export function useLoaded<T>(load: () => Promise<T>, marks: unknown[] = []): Loaded<T> {
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

/** Look again and again, each time `milliseconds` after the last answer. */
export function usePolled(look: () => Promise<void>, milliseconds: number, marks: unknown[] = []): unknown {
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let here = true;
    let timer = 0;
    const turn = async () => {
      try {
        await look();
        if (here) setError(undefined);
      } catch (failure) {
        if (here) setError(failure);
      }
      if (here) timer = window.setTimeout(turn, milliseconds);
    };
    turn();
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, marks);
  return error;
}

/** The time in seconds since 1970, renewed every second while something runs. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    setNow(Date.now() / 1000);
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
