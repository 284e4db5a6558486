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

/** The line on which a path's last part that is there stands. */
function lineOf(text: string, root: SyntaxNode | null, location = ""): number {
  let node = root;
  let at = 0;
  for (const part of location.split("/").filter(Boolean)) {
    const found: SyntaxNode | undefined = node
      ?.getChildren("Property")
      .find((property) => text.slice(property.firstChild!.from + 1, property.firstChild!.to - 1) === part);
    if (!found) {
      // Array items have no names, but numbers.
      const items = node?.name === "Array" ? childrenOf(node) : [];
      const item = items[Number(part.replace(/\D/g, ""))];
      if (!item) break;
      at = item.from;
      node = item;
      continue;
    }
    at = found.from;
    node = found.lastChild;
  }
  return text.slice(0, at).split("\n").length;
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (!["[", "]", ","].includes(child.name)) found.push(child);
  }
  return found;
}
