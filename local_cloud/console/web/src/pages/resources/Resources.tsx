import type { ComponentType } from "preact";
import { link } from "../../router";
import { Buckets } from "./Buckets";
import { Connections } from "./Connections";
import { Functions } from "./Functions";
import { LogGroups } from "./LogGroups";
import { Secrets } from "./Secrets";
import { Tables } from "./Tables";
import { Users } from "./Users";

const KINDS: Record<string, [title: string, page: ComponentType<{ name: string }>]> = {
  tables: ["Tables", Tables],
  buckets: ["Buckets", Buckets],
  functions: ["Functions", Functions],
  logs: ["Log groups", LogGroups],
  secrets: ["Secrets", Secrets],
  users: ["Users", Users],
  connections: ["Connections", Connections],
};

/** What the cloud holds, kind by kind. */
export function Resources({ kind, name }: { kind: string; name: string }) {
  const Page = KINDS[kind]?.[1];
  return (
    <section>
      <h1>Resources</h1>
      <nav class="tabs" aria-label="Kinds of resources">
        {Object.entries(KINDS).map(([key, [title]]) => (
          <a key={key} href={link("resources", key)} aria-current={kind === key ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {Page ? <Page name={name} /> : <p class="empty">There are no resources of the kind {kind}.</p>}
    </section>
  );
}
