import { useEffect, useState } from "preact/hooks";
import { aws, get } from "../api";
import { JsonEditor } from "../JsonEditor";
import { Empty, Json, Problem, useLoaded } from "../parts";
import { pretty } from "../history";

const KINDS: [string, string][] = [
  ["tables", "Tables"],
  ["buckets", "Buckets"],
  ["functions", "Functions"],
  ["logs", "Log groups"],
  ["secrets", "Secrets"],
  ["users", "Users"],
  ["connections", "Connections"],
];

export function Resources({ kind }: { kind: string }) {
  const [shown = "tables", ...rest] = (kind || "tables").split("/");
  const name = rest.join("/");
  return (
    <section>
      <h1>Resources</h1>
      <nav class="tabs" aria-label="Kinds of resources">
        {KINDS.map(([key, title]) => (
          <a key={key} href={`#/resources/${key}`} aria-current={shown === key ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {shown === "tables" && <Tables name={name} />}
      {shown === "buckets" && <Buckets name={name} />}
      {shown === "functions" && <Functions name={name} />}
      {shown === "logs" && <Logs name={name} />}
      {shown === "secrets" && <Secrets />}
      {shown === "users" && <Users />}
      {shown === "connections" && <Connections />}
    </section>
  );
}

const link = (kind: string, name: string) => `#/resources/${kind}/${encodeURIComponent(name)}`;

function List({ loaded, items, kind, none }: { loaded: any; items: string[]; kind: string; none: string }) {
  if (loaded.error) return <Problem error={loaded.error} retry={loaded.again} />;
  if (!loaded.value) return <Empty>Loading…</Empty>;
  if (!items.length) return <Empty>{none}</Empty>;
  return (
    <ul class="list">
      {items.map((item) => (
        <li key={item}>
          <a href={link(kind, item)}>{item}</a>
        </li>
      ))}
    </ul>
  );
}

function Tables({ name }: { name: string }) {
  const loaded = useLoaded(() => aws("dynamodb", "list_tables"));
  return (
    <div class="two">
      <List loaded={loaded} items={loaded.value?.TableNames ?? []} kind="tables" none="No tables. Run ./local-cloud provision." />
      {name ? <Items table={name} key={name} /> : <Empty>Choose a table to see its items.</Empty>}
    </div>
  );
}

function Items({ table }: { table: string }) {
  const [starts, setStarts] = useState<any[]>([undefined]);
  const from = starts.at(-1);
  const loaded = useLoaded(() => aws("dynamodb", "scan", { TableName: table, Limit: 25, ...(from ? { ExclusiveStartKey: from } : {}) }), [from]);
  const items: any[] = (loaded.value?.Items ?? []).map((item: any) => Object.fromEntries(Object.entries(item).map(([k, v]) => [k, plain(v)])));
  const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
  return (
    <div>
      <h2>{table}</h2>
      <Problem error={loaded.error} retry={loaded.again} />
      {loaded.value && !items.length && <Empty>The table is empty.</Empty>}
      {items.length > 0 && (
        <div class="scroll tall" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column}>{column}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((item, n) => (
                <tr key={n}>
                  {columns.map((column) => (
                    <td key={column} class="cell" title={text(item[column])}>
                      {text(item[column])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="actions">
        <button disabled={starts.length < 2} onClick={() => setStarts(starts.slice(0, -1))}>
          Previous
        </button>
        <button disabled={!loaded.value?.LastEvaluatedKey} onClick={() => setStarts([...starts, loaded.value.LastEvaluatedKey])}>
          Next
        </button>
        <button onClick={loaded.again}>Refresh</button>
      </div>
    </div>
  );
}

/** An attribute in DynamoDB's form as a plain value. */
function plain(value: any): any {
  const [kind, inner] = Object.entries<any>(value)[0] ?? [];
  if (kind === "M") return Object.fromEntries(Object.entries(inner).map(([k, v]) => [k, plain(v)]));
  if (kind === "L") return inner.map(plain);
  if (kind === "N") return Number(inner);
  if (kind === "NULL") return null;
  return inner;
}

const text = (value: any) => (value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

function Buckets({ name }: { name: string }) {
  const loaded = useLoaded(() => aws("s3", "list_buckets"));
  const bucket = name.split("/")[0] ?? "";
  return (
    <div class="two">
      <List loaded={loaded} items={(loaded.value?.Buckets ?? []).map((b: any) => b.Name)} kind="buckets" none="No buckets. Run ./local-cloud provision." />
      {bucket ? <Objects bucket={bucket} key={bucket} /> : <Empty>Choose a bucket to see its objects.</Empty>}
    </div>
  );
}

function Objects({ bucket }: { bucket: string }) {
  const loaded = useLoaded(() => aws("s3", "list_objects_v2", { Bucket: bucket, MaxKeys: 500 }));
  const objects: any[] = loaded.value?.Contents ?? [];
  return (
    <div>
      <h2>{bucket}</h2>
      <Problem error={loaded.error} retry={loaded.again} />
      {loaded.value && !objects.length && <Empty>The bucket is empty.</Empty>}
      {objects.length > 0 && (
        <div class="scroll tall" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>Key</th>
                <th>Size</th>
                <th>Changed</th>
              </tr>
            </thead>
            <tbody>
              {objects.map((o) => (
                <tr key={o.Key}>
                  <td>
                    <a href={`/api/objects?bucket=${encodeURIComponent(bucket)}&key=${encodeURIComponent(o.Key)}`}>{o.Key}</a>
                  </td>
                  <td>{o.Size.toLocaleString()} B</td>
                  <td>{new Date(o.LastModified * 1000).toLocaleString()}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Functions({ name }: { name: string }) {
  const loaded = useLoaded(() => aws("lambda", "list_functions"));
  return (
    <div class="two">
      <List loaded={loaded} items={(loaded.value?.Functions ?? []).map((f: any) => f.FunctionName)} kind="functions" none="No functions: the Lambda endpoint does not answer." />
      {name ? <Invoke name={name} key={name} /> : <Empty>Choose a function to invoke it.</Empty>}
    </div>
  );
}

function Invoke({ name }: { name: string }) {
  const [payload, setPayload] = useState("{}");
  const [answer, setAnswer] = useState<any>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const invoke = () => {
    setBusy(true);
    setError(undefined);
    aws("lambda", "invoke", { FunctionName: name, Payload: payload, LogType: "Tail" })
      .then(setAnswer, setError)
      .finally(() => setBusy(false));
  };
  return (
    <div>
      <h2>{name}</h2>
      <JsonEditor value={payload} onChange={setPayload} label="Payload" />
      <div class="actions">
        <button class="primary" disabled={busy} onClick={invoke}>
          {busy ? "Running…" : "Invoke"}
        </button>
        <a href={link("logs", `/aws/lambda/${name}`)}>All of its log</a>
      </div>
      <Problem error={error} />
      {answer && (
        <>
          <h3>{answer.FunctionError ? `Failed (${answer.FunctionError})` : "Answer"}</h3>
          <Json text={pretty(answer.Payload)} />
          {answer.LogResult && (
            <>
              <h3>Log</h3>
              <Json text={new TextDecoder().decode(Uint8Array.from(atob(answer.LogResult), (c) => c.charCodeAt(0)))} />
            </>
          )}
        </>
      )}
    </div>
  );
}

function Logs({ name }: { name: string }) {
  const loaded = useLoaded(() => aws("logs", "describe_log_groups"));
  return (
    <div class="two">
      <List loaded={loaded} items={(loaded.value?.logGroups ?? []).map((g: any) => g.logGroupName)} kind="logs" none="Nothing has been logged so far." />
      {name ? <Tail group={name} key={name} /> : <Empty>Choose a log group to follow it.</Empty>}
    </div>
  );
}

function Tail({ group }: { group: string }) {
  const [lines, setLines] = useState<any[]>([]);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let here = true;
    const look = async () => {
      try {
        const found = await aws("logs", "filter_log_events", { logGroupName: group, startTime: Date.now() - 15 * 60_000 });
        if (here) {
          setLines(found.events.slice(-500));
          setError(undefined);
        }
      } catch (failure) {
        if (here) setError(failure);
      }
      if (here) setTimeout(look, 1500);
    };
    look();
    return () => {
      here = false;
    };
  }, [group]);
  return (
    <div>
      <h2>{group}</h2>
      <Problem error={error} />
      <p class="quiet">The last 15 minutes, live.</p>
      {lines.length ? <pre class="tail" tabIndex={0}>{lines.map((e) => `${new Date(e.timestamp).toISOString().slice(11, 23)}  ${e.message}`).join("\n")}</pre> : <Empty>No lines.</Empty>}
    </div>
  );
}

function Secrets() {
  const loaded = useLoaded(() => aws("secretsmanager", "list_secrets"));
  const [shown, setShown] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>();
  const reveal = (name: string) =>
    aws("secretsmanager", "get_secret_value", { SecretId: name }).then((found) => setShown((s) => ({ ...s, [name]: found.SecretString })), setError);
  const secrets: any[] = loaded.value?.SecretList ?? [];
  return (
    <>
      <Problem error={loaded.error ?? error} retry={loaded.again} />
      {loaded.value && !secrets.length && <Empty>No secrets. Run ./local-cloud provision.</Empty>}
      <ul class="list">
        {secrets.map((secret) => (
          <li key={secret.Name}>
            <strong>{secret.Name}</strong>{" "}
            {shown[secret.Name] === undefined ? <button onClick={() => reveal(secret.Name)}>Show the value</button> : <button onClick={() => setShown(({ [secret.Name]: _, ...others }) => others)}>Hide</button>}
            {shown[secret.Name] !== undefined && <Json text={pretty(shown[secret.Name])} />}
          </li>
        ))}
      </ul>
    </>
  );
}

function Users() {
  const loaded = useLoaded(async () => {
    const pools = (await aws("cognito-idp", "list_user_pools", { MaxResults: 60 })).UserPools;
    const users = await Promise.all(pools.map((pool: any) => aws("cognito-idp", "list_users", { UserPoolId: pool.Id })));
    return pools.flatMap((pool: any, n: number) => users[n].Users.map((user: any) => ({ pool: pool.Name, ...user })));
  });
  if (loaded.error) return <Problem error={loaded.error} retry={loaded.again} />;
  if (!loaded.value) return <Empty>Loading…</Empty>;
  if (!loaded.value.length) return <Empty>No users. Sign up on the <a href="#/chat">chat page</a>.</Empty>;
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>User</th>
            <th>Pool</th>
            <th>Status</th>
            <th>Created</th>
          </tr>
        </thead>
        <tbody>
          {loaded.value.map((user: any) => (
            <tr key={user.pool + user.Username}>
              <td>{user.Username}</td>
              <td>{user.pool}</td>
              <td>{user.UserStatus}</td>
              <td>{new Date(user.UserCreateDate * 1000).toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Connections() {
  const [found, setFound] = useState<any>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let here = true;
    const look = async () => {
      try {
        const answer = await get("/api/connections");
        if (here) setFound(answer.connections);
        setError(undefined);
      } catch (failure) {
        setError(failure);
      }
      if (here) setTimeout(look, 1000);
    };
    look();
    return () => {
      here = false;
    };
  }, []);
  if (error) return <Problem error={error} />;
  if (!found) return <Empty>Loading…</Empty>;
  if (!found.length) return <Empty>Nobody is connected. Open the <a href="#/chat">chat page</a>.</Empty>;
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>Connection</th>
            <th>Stage</th>
            <th>Client</th>
            <th>Connected</th>
            <th>Last active</th>
          </tr>
        </thead>
        <tbody>
          {found.map((c: any) => (
            <tr key={c.connectionId}>
              <td><code>{c.connectionId}</code></td>
              <td>{c.stage}</td>
              <td class="cell" title={c.identity.userAgent}>{c.identity.sourceIp} {c.identity.userAgent}</td>
              <td>{new Date(c.connectedAt).toLocaleTimeString()}</td>
              <td>{new Date(c.lastActiveAt).toLocaleTimeString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
