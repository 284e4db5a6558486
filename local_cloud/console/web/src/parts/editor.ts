/** CodeMirror, set up for JSON. Loaded when a page first shows an editor: it is most of the script. */

import { json, jsonLanguage, jsonParseLinter } from "@codemirror/lang-json";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, linter, lintGutter, setDiagnostics } from "@codemirror/lint";
import { completions } from "./completions";
import { EditorState } from "@codemirror/state";
import { tags } from "@lezer/highlight";
import { basicSetup, EditorView } from "codemirror";

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
]);

export interface EditorProblem {
  /** From 1. */
  line: number;
  words: string;
  severity: "error" | "warning";
}

export interface Editor {
  put: (text: string) => void;
  mark: (problems: EditorProblem[]) => void;
  close: () => void;
}

export function openEditor(
  parent: Element,
  text: string,
  label: string,
  onChange: (text: string) => void,
  asl = false,
): Editor {
  let told: EditorProblem[] = [];
  const parseErrors = jsonParseLinter();
  const diagnose = (view: EditorView): Diagnostic[] => {
    const marks = told.map(({ line, words, severity }) => {
      const { from, to } = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      return { from, to, severity, message: words };
    });
    return [...parseErrors(view), ...marks];
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        basicSetup,
        json(),
        ...(asl ? [jsonLanguage.data.of({ autocomplete: completions })] : []),
        syntaxHighlighting(COLOURS),
        lintGutter(),
        linter(diagnose, { delay: 150 }),
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  view.scrollDOM.tabIndex = 0; // so that the keyboard can scroll it
  return {
    put(now) {
      if (view.state.doc.toString() === now) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: now } });
    },
    mark(problems) {
      told = problems;
      const marks = diagnose(view);
      view.dispatch(setDiagnostics(view.state, marks));
      if (told.length)
        view.dispatch({ effects: EditorView.scrollIntoView(marks.at(-told.length)!.from, { y: "center" }) });
    },
    close: () => view.destroy(),
  };
}
