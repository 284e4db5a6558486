import type { ComponentChildren } from "preact";
import type { Loaded } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";
import { link } from "../../router";

interface Props {
  kind: string;
  loaded: Loaded<string[]>;
  chosen: string;
  /** What to say when there are none. */
  none: string;
  /** What to say while none is chosen. */
  choose: string;
  children: ComponentChildren;
}

/** A list of names, and beside it the one that is chosen. */
export function Listed({ kind, loaded, chosen, none, choose, children }: Props) {
  return (
    <>
      <Problem error={loaded.error} retry={loaded.again} />
      {!loaded.value && !loaded.error && <Loading />}
      {loaded.value?.length === 0 && <Empty>{none}</Empty>}
      {loaded.value && loaded.value.length > 0 && (
        <div class="two">
          <ul class="list">
            {loaded.value.map((name) => (
              <li key={name}>
                <a href={link("resources", kind, name)} aria-current={name === chosen ? "true" : undefined}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
          <div class="chosen-one">{chosen ? children : <Empty>{choose}</Empty>}</div>
        </div>
      )}
    </>
  );
}
