/** Parts of tables whose rows open, and that have pages. */

import type { ComponentChildren } from "preact";
import { Json } from "./parts";

interface OpenerProps {
  open: boolean;
  onToggle: () => void;
  children: ComponentChildren;
}

/** The button in a row that opens what is under it. */
export function Opener({ open, onToggle, children }: OpenerProps) {
  return (
    <button class="link" aria-expanded={open} onClick={onToggle}>
      {children}
    </button>
  );
}

/** What is under an open row. */
export function Under({ columns, text, label }: { columns: number; text: string; label: string }) {
  return (
    <tr>
      <td colSpan={columns}>
        <Json text={text} label={label} />
      </td>
    </tr>
  );
}

/** The marks of the pages up to the one that is shown; the first page has none. */
export type Pages<Mark> = (Mark | undefined)[];

interface PagerProps<Mark> {
  pages: Pages<Mark>;
  /** The mark of the page that follows, if one does. */
  next?: Mark;
  onTurn: (pages: Pages<Mark>) => void;
}

export function Pager<Mark>({ pages, next, onTurn }: PagerProps<Mark>) {
  if (pages.length === 1 && next === undefined) return null;
  return (
    <div class="actions">
      <button disabled={pages.length === 1} onClick={() => onTurn(pages.slice(0, -1))}>
        Previous
      </button>
      <span class="quiet">Page {pages.length}</span>
      <button disabled={next === undefined} onClick={() => onTurn([...pages, next])}>
        Next
      </button>
    </div>
  );
}
