/** What is wrong with a definition, on its line.
 *
 * https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
 */

import type { SyntaxNode } from "@lezer/common";
import type { EditorProblem } from "../../parts/editor";

export interface Diagnostic {
  severity: "ERROR" | "WARNING";
  code: string;
  message: string;
  /** A path such as `/States/Name/Next`. */
  location?: string;
}

const MOST = 240;

export async function placed(text: string, diagnostics: Diagnostic[]): Promise<EditorProblem[]> {
  const { jsonLanguage } = await import("@codemirror/lang-json");
  const tree = jsonLanguage.parser.parse(text);
  return diagnostics.map(({ severity, code, message, location }) => {
    // LocalStack tells the place in its words: `ASLParserException line 5:11, at …`.
    const said = /line (\d+):\d+, (.*)/s.exec(message);
    const words = (said?.[2] ?? message).slice(0, MOST);
    return {
      line: said ? Number(said[1]) : lineOf(text, tree.topNode.firstChild, location),
      words: `${code}: ${words}${(said?.[2] ?? message).length > MOST ? "…" : ""}`,
      severity: severity === "ERROR" ? "error" : "warning",
    };
  });
}

/** The line on which the last part of a path such as `/States/Name/Choices[0]/Next` stands. */
function lineOf(text: string, root: SyntaxNode | null, location = ""): number {
  let node = root;
  let at = 0;
  for (const part of location.match(/[^/[\]]+|\[\d+\]/g) ?? []) {
    const found = part.startsWith("[") ? item(node, Number(part.slice(1, -1))) : property(text, node, part);
    if (!found) break;
    at = found.from;
    node = found.name === "Property" ? found.lastChild : found;
  }
  return text.slice(0, at).split("\n").length;
}

function property(text: string, node: SyntaxNode | null, name: string): SyntaxNode | undefined {
  return node?.getChildren("Property").find(({ firstChild }) => {
    return firstChild && text.slice(firstChild.from, firstChild.to) === JSON.stringify(name);
  });
}

function item(node: SyntaxNode | null, index: number): SyntaxNode | undefined {
  const items: SyntaxNode[] = [];
  for (let child = node?.firstChild; child; child = child.nextSibling) {
    if (!["[", "]", ","].includes(child.name)) items.push(child);
  }
  return items[index];
}
