import { useState } from "preact/hooks";
import { type Expression, dataOf, evaluate, expressions, type Value } from "../../expressions";
import type { Visit } from "../../history";
import { useLoaded } from "../../parts/loading";
import { Json } from "../../parts/parts";
import type { ExecutionDetail, State } from "../../types";

interface Props {
  visit: Visit;
  all: Visit[];
  state?: State;
  execution?: ExecutionDetail;
}

const LATE = /\$states\.result\b/;

/** Each expression of a state with its value in a pass, and one of one's own to try. */
export function Expressions({ visit, all, state, execution }: Props) {
  const data = dataOf(visit, all, execution);
  const found = state ? expressions(state) : [];
  const marks = [visit.entered, visit.exitedAt, visit.result, visit.error, state];
  const values = useLoaded<Value[]>(() => Promise.all(found.map((one) => valueOf(one, visit, data))), marks);
  return (
    <>
      {found.length > 0 && (
        <>
          <h3>Expressions</h3>
          <dl class="expressions">
            {found.map((one, number) => (
              <>
                <dt key={one.field}>
                  {one.field} <code>{one.text}</code>
                </dt>
                <dd key={`${one.field}=`}>
                  <Shown value={values.value?.[number]} label={one.field} />
                </dd>
              </>
            ))}
          </dl>
        </>
      )}
      <Try data={data} key={visit.entered} />
    </>
  );
}

async function valueOf({ field, text }: Expression, visit: Visit, data: object): Promise<Value> {
  if (LATE.test(text) && visit.result === undefined) return { error: "Its result is not in the history." };
  if (/^Catch/.test(field) && visit.error === undefined) return { error: "No error was caught." };
  return evaluate(text, data);
}

function Shown({ value, label }: { value?: Value; label: string }) {
  if (!value) return <span class="quiet">…</span>;
  if (value.error !== undefined) return <span class="bad">{value.error}</span>;
  return <Json text={JSON.stringify(value.value, null, 2)} label={`the value of ${label}`} />;
}

/** An expression of one's own, for the data of a pass. */
function Try({ data }: { data: object }) {
  const [text, setText] = useState("$states.input");
  const [value, setValue] = useState<Value>();
  const run = (event: Event) => {
    event.preventDefault();
    evaluate(text, data).then(setValue);
  };
  return (
    <form onSubmit={run} class="try">
      <label>
        Try a JSONata expression on this data
        <textarea
          rows={2}
          spellcheck={false}
          value={text}
          onInput={(e) => setText(e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Enter" && (e.ctrlKey || e.metaKey) && run(e)}
        />
      </label>
      <div class="actions">
        <button type="submit">Evaluate</button>
      </div>
      {value && <Shown value={value} label="it" />}
    </form>
  );
}
