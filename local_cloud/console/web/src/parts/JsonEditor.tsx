import { useEffect, useRef, useState } from "preact/hooks";
import type { Editor, EditorProblem } from "./editor";

interface Props {
  value: string;
  label: string;
  onChange: (text: string) => void;
  /** Errors found by the server. */
  problems?: EditorProblem[];
}

/** A JSON editor that marks what is wrong, on its line. */
export function JsonEditor({ value, label, onChange, problems }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor>();
  const latest = useRef({ value, onChange });
  latest.current = { value, onChange };
  useEffect(() => {
    let opened: Editor | undefined;
    let here = true;
    import("./editor").then(({ openEditor }) => {
      if (!here) return;
      opened = openEditor(place.current!, latest.current.value, label, (text) => latest.current.onChange(text));
      setEditor(opened);
    });
    return () => {
      here = false;
      opened?.close();
    };
  }, []);
  useEffect(() => editor?.put(value), [editor, value]);
  useEffect(() => editor?.mark(problems ?? []), [editor, problems]);
  return <div class="editor" ref={place} />;
}
