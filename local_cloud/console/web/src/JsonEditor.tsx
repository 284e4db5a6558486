import { json, jsonParseLinter } from "@codemirror/lang-json";
import { type Diagnostic, linter, lintGutter, setDiagnostics } from "@codemirror/lint";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { tags } from "@lezer/highlight";
import { EditorView, basicSetup } from "codemirror";
import { useEffect, useRef } from "preact/hooks";

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
]);

interface Props {
  value: string;
  label: string;
  onChange: (text: string) => void;
  /** Errors found by the server: line (from 1) and words. */
  problems?: { line: number; words: string; severity: "error" | "warning" }[];
}

/** A JSON editor that marks what is wrong, on its line. */
export function JsonEditor({ value, label, onChange, problems }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>();
  useEffect(() => {
    view.current = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          basicSetup,
          json(),
          syntaxHighlighting(COLOURS),
          lintGutter(),
          linter(jsonParseLinter(), { delay: 150 }),
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current.scrollDOM.tabIndex = 0; // so that the keyboard can scroll it
    return () => view.current?.destroy();
  }, []);
  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [value]);
  useEffect(() => {
    const editor = view.current;
    if (!editor || !problems) return;
    const marks: Diagnostic[] = problems.map(({ line, words, severity }) => {
      const found = editor.state.doc.line(Math.min(Math.max(1, line), editor.state.doc.lines));
      return { from: found.from, to: found.to, severity, message: words };
    });
    editor.dispatch(setDiagnostics(editor.state, marks));
  }, [problems]);
  return <div class="editor" ref={place} />;
}
