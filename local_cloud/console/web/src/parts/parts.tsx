/** Small parts that every page is made of. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

export function Badge({ status }: { status: string }) {
  return <span class={`badge ${status.toLowerCase().replaceAll(" ", "_")}`}>{status.replaceAll("_", " ")}</span>;
}

/** What could not be done, and what to do about it. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (!error) return null;
  return (
    <div class="problem" role="alert">
      <span>{error instanceof Error ? error.message : String(error)}</span>
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Loading({ what }: { what?: string }) {
  return (
    <p class="empty loading" role="status">
      Loading{what ? ` ${what}` : ""}…
    </p>
  );
}

/** JSON or text as it is, with a button that copies it. */
export function Json({ text, label }: { text?: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  if (text === undefined) return <p class="quiet">None.</p>;
  const copy = () =>
    navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  return (
    <div class="json">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      {text.length > 60 && navigator.clipboard && (
        <button class="copy" onClick={copy} aria-label={`Copy${label ? ` ${label}` : ""}`}>
          {copied ? "Copied" : "Copy"}
        </button>
      )}
    </div>
  );
}

interface TabsProps {
  label: string;
  tabs: readonly (readonly [key: string, title: string])[];
  shown: string;
  onShow: (key: string) => void;
  children: ComponentChildren;
}

/** Tabs over one panel; the arrow keys go from one to the next. */
export function Tabs({ label, tabs, shown, onShow, children }: TabsProps) {
  const id = useId();
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = tabs.findIndex(([key]) => key === shown);
    const next = tabs[(at + step + tabs.length) % tabs.length]![0];
    onShow(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map(([key, title]) => (
          <button
            key={key}
            id={`${id}-${key}`}
            role="tab"
            aria-selected={shown === key}
            aria-controls={`${id}-panel`}
            tabIndex={shown === key ? 0 : -1}
            onClick={() => onShow(key)}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="panel" id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${shown}`}>
        {children}
      </div>
    </>
  );
}
