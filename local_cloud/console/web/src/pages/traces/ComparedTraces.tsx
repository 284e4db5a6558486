import { diffArrays } from "diff";
import { get } from "../../api";
import { date, duration } from "../../format";
import { useLoaded } from "../../parts/loading";
import { Loading, Problem } from "../../parts/parts";
import { link } from "../../router";
import { type Span, titleOf, type TraceDetail } from "./spans";
import { short } from "./Trace";

const MOST = 2000;

interface Pair {
  left?: Span;
  right?: Span;
}

/** Two traces side by side: what only one of them did, and what took longer. */
export function ComparedTraces({ names }: { names: [string, string] }) {
  const loaded = useLoaded(
    () => Promise.all(names.map((name): Promise<TraceDetail> => get(`/api/traces/${encodeURIComponent(name)}`))),
    names,
  );
  const [left, right] = loaded.value ?? [];
  return (
    <section>
      <p class="crumbs">
        <a href={link("traces")}>Traces</a> / Compare
      </p>
      <h1>Compare traces</h1>
      <Problem error={loaded.error} retry={loaded.again} />
      {!loaded.value && !loaded.error && <Loading what="the traces" />}
      {left && right && (
        <>
          <div class="halves">
            <Head trace={left} side="A" />
            <Head trace={right} side="B" />
          </div>
          <div class="scroll tall" tabIndex={0}>
            <table class="compare">
              <thead>
                <tr>
                  <th>Span</th>
                  <th class="digits">A took</th>
                  <th class="digits">B took</th>
                  <th class="digits">B − A</th>
                </tr>
              </thead>
              <tbody>
                {align(left.tree, right.tree).map((pair) => (
                  <Row key={`${pair.left?.id}/${pair.right?.id}`} {...pair} />
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}

function Head({ trace, side }: { trace: TraceDetail; side: string }) {
  return (
    <div class="card">
      <h2>
        <span class="letter">{side}</span>{" "}
        <a href={link("trace", trace.trace)}>
          {trace.kind} {trace.name}
        </a>
      </h2>
      <p class="quiet">
        {date(trace.start)} · {duration(trace.seconds)} · {trace.spans} spans
      </p>
    </div>
  );
}

function Row({ left, right }: Pair) {
  const one = (left ?? right)!;
  const took = (span?: Span) => (span ? short(span.end - span.start) : "");
  const change = left && right ? right.end - right.start - (left.end - left.start) : undefined;
  return (
    <tr class={left && right ? "" : left ? "only-left" : "only-right"}>
      <td style={{ paddingLeft: `${0.5 + one.depth * 0.7}rem` }}>
        {titleOf(one)} <small class="quiet">{one.resource}</small>
      </td>
      <td class="digits">{took(left)}</td>
      <td class="digits">{took(right)}</td>
      <td class="digits">{change === undefined ? "" : `${change < 0 ? "−" : "+"}${short(Math.abs(change))}`}</td>
    </tr>
  );
}

/** Align the spans by what they are and how deep, in order. Of long traces the first 2,000 are. */
function align(left: Span[], right: Span[]): Pair[] {
  // Executions and connections have other names each time.
  const marks = (tree: Span[]) =>
    tree
      .slice(0, MOST)
      .map(({ depth, kind, name }) => `${depth} ${kind} ${kind === "post" || kind === "execution" ? "" : name}`);
  const pairs: Pair[] = [];
  let l = 0,
    r = 0;
  for (const part of diffArrays(marks(left), marks(right))) {
    for (let n = 0; n < part.value.length; n++) {
      pairs.push({ left: part.added ? undefined : left[l++], right: part.removed ? undefined : right[r++] });
    }
  }
  return pairs;
}
