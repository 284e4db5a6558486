import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { aws } from "../../api";
import { useLoaded } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";
import { Opener, Pager, type Pages, Under } from "../../parts/rows";
import { Listed } from "./Listed";

const PAGE = 25;

export function Tables({ name }: { name: string }) {
  const loaded = useLoaded<string[]>(() => aws("dynamodb", "list_tables").then((found) => found.TableNames));
  return (
    <Listed
      kind="tables"
      loaded={loaded}
      chosen={name}
      none="No tables. Run ./local-cloud provision."
      choose="Choose a table to see its items."
    >
      <Items table={name} key={name} />
    </Listed>
  );
}

function Items({ table }: { table: string }) {
  const described = useLoaded(() =>
    aws("dynamodb", "describe_table", { TableName: table }).then((found) => found.Table),
  );
  const [starts, setStarts] = useState<Pages<object>>([undefined]);
  const [open, setOpen] = useState<number>();
  const from = starts.at(-1);
  const loaded = useLoaded(
    () => aws("dynamodb", "scan", { TableName: table, Limit: PAGE, ...(from ? { ExclusiveStartKey: from } : {}) }),
    [from],
  );
  const keys: string[] = (described.value?.KeySchema ?? []).map((key: any) => key.AttributeName);
  const items: Record<string, unknown>[] = (loaded.value?.Items ?? []).map(plainItem);
  const others = new Set(items.flatMap((item) => Object.keys(item)).filter((key) => !keys.includes(key)));
  const columns = [...keys, ...others];
  const turn = (next: Pages<object>) => {
    setOpen(undefined);
    setStarts(next);
  };
  return (
    <>
      <div class="title">
        <h2>{table}</h2>
        <span class="quiet">
          {described.value && `${described.value.ItemCount.toLocaleString()} items, keyed by ${keys.join(" and ")}`}
        </span>
        <span class="spring" />
        <button
          onClick={() => {
            loaded.again();
            described.again();
          }}
        >
          Refresh
        </button>
      </div>
      <Problem error={loaded.error ?? described.error} retry={loaded.again} />
      {!loaded.value && !loaded.error && <Loading what="items" />}
      {loaded.value && !items.length && (
        <Empty>No items{starts.length > 1 ? " on this page" : ": the table is empty"}.</Empty>
      )}
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
                <Fragment key={n}>
                  <tr class={open === n ? "chosen" : ""}>
                    {columns.map((column, at) => (
                      <td key={column} class="cell">
                        {at === 0 ? (
                          <Opener open={open === n} onToggle={() => setOpen(open === n ? undefined : n)}>
                            {text(item[column])}
                          </Opener>
                        ) : (
                          text(item[column])
                        )}
                      </td>
                    ))}
                  </tr>
                  {open === n && (
                    <Under columns={columns.length} text={JSON.stringify(unfolded(item), null, 2)} label="the item" />
                  )}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Pager pages={starts} next={loaded.value?.LastEvaluatedKey} onTurn={turn} />
    </>
  );
}

const plainItem = (item: object) =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));

/** An attribute in DynamoDB's form as a plain value. */
function plain(value: Record<string, any>): unknown {
  const [kind, content] = Object.entries(value)[0] ?? [];
  if (kind === "M") return plainItem(content);
  if (kind === "L") return content.map(plain);
  if (kind === "N") return Number(content);
  if (kind === "NULL") return null;
  return content;
}

/** JSON inside a string as what it stands for, so that it can be read. */
function unfolded(item: Record<string, unknown>): Record<string, unknown> {
  const open = (value: unknown) => {
    if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  };
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, open(value)]));
}

const text = (value: unknown) =>
  value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
