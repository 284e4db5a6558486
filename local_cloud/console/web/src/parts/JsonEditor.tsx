import { useEffect, useRef, useState } from "preact/hooks";
import type { Editor, EditorProblem } from "./editor";

interface Props {
  value: string;
  label: string;
  onChange: (text: string) => void;
  /** Errors found by the server. */
  problems?: EditorProblem[];
  /** It is a state machine's definition: fields, paths and expressions are completed. */
  asl?: boolean;
}

/** A JSON editor that marks what is wrong, on its line. */
export function JsonEditor({ value, label, onChange, problems, asl }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor>();
  const latest = useRef({ value, onChange });
  latest.current = { value, onChange };
  // Texts that the editor itself has told, on their way back as `value`. Effects run late: put into
  // the editor, such a text would undo what was typed since.
  const echoes = useRef<string[]>([]);
  useEffect(() => {
    let opened: Editor | undefined;
    let here = true;
    import("./editor").then(({ openEditor }) => {
      if (!here) return;
      echoes.current = [latest.current.value];
      const changed = (text: string) => {
        echoes.current.push(text);
        latest.current.onChange(text);
      };
      opened = openEditor(place.current!, latest.current.value, label, changed, asl);
      setEditor(opened);
    });
    return () => {
      here = false;
      opened?.close();
    };
  }, []);
  useEffect(() => {
    if (!editor) return;
    const told = echoes.current.indexOf(value);
    if (told >= 0) echoes.current.splice(0, told + 1);
    else editor.put(value);
  }, [editor, value]);
  useEffect(() => editor?.mark(problems ?? []), [editor, problems]);
  // How much of it the page has: what is typed gets there a moment later.
  return <div class="editor" ref={place} data-length={value.length} />;
}
