import { get } from "../../api";
import { useLoaded } from "../../parts/loading";
import { Empty, Json, Loading, Problem } from "../../parts/parts";
import { link } from "../../router";

interface Asked {
  action: string;
  resource: string;
  count: number;
}

interface Report {
  function: string;
  role: string;
  /** Why its policies are not known, if they are not. */
  notKnown: string | null;
  used: Asked[];
  missing: Asked[];
  unused: { policy: string; action: string; resource: string }[];
  least: object[];
}

const MODES: Record<string, string> = {
  watch: "Calls that are not allowed go through, and are named here.",
  enforce: "Calls that are not allowed are refused, as on AWS.",
  off: "Nothing is looked at: start the cloud with --permissions watch or enforce.",
};

/** What functions' roles allow, by what the traces tell; of one function, all of it. */
export function Permissions({ name }: { name: string }) {
  const loaded = useLoaded((): Promise<{ mode: string; functions: Report[] }> => get("/api/permissions"), [name]);
  const { mode = "", functions } = loaded.value ?? {};
  const shown = functions?.find((one) => one.function === name);
  return (
    <section>
      {name && (
        <p class="crumbs">
          <a href={link("permissions")}>Permissions</a> / {name}
        </p>
      )}
      <div class="title">
        <h1>{name || "Permissions"}</h1>
        <span class="spring" />
        <button onClick={loaded.again}>Look again</button>
      </div>
      <Problem error={loaded.error} retry={loaded.again} />
      {!functions && !loaded.error && <Loading what="permissions" />}
      {functions && <p class="quiet">{MODES[mode]}</p>}
      {functions && name && !shown && <Empty>There is no function {name}.</Empty>}
      {shown && <One report={shown} />}
      {functions && !name && <All reports={functions} />}
    </section>
  );
}

function All({ reports }: { reports: Report[] }) {
  if (!reports.length) return <Empty>There are no functions.</Empty>;
  return (
    <div class="scroll" tabIndex={0}>
      <table class="stacked">
        <thead>
          <tr>
            <th>Function</th>
            <th class="digits">Missing</th>
            <th class="digits">Unused</th>
            <th class="digits">Used</th>
            <th>Role</th>
          </tr>
        </thead>
        <tbody>
          {reports.map((one) => (
            <tr key={one.function}>
              <td class="main">
                <a href={link("permissions", one.function)}>{one.function}</a>
              </td>
              <td class={`digits ${one.missing.length ? "wrong" : ""}`}>{one.missing.length || ""}</td>
              <td class="digits">{one.unused.length || ""}</td>
              <td class="digits">{one.used.length}</td>
              <td class="cell wide">{one.notKnown ?? one.role}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function One({ report }: { report: Report }) {
  const { role, notKnown, missing, unused, used, least } = report;
  return (
    <>
      <p class="quiet">
        Role <code>{role}</code>
      </p>
      {notKnown && <p class="wrong">Its policies are not known: {notKnown}</p>}
      <h2>Missing</h2>
      {missing.length ? <AskedFor asked={missing} wrong /> : <p class="quiet">Nothing that it asked for.</p>}
      <div class="columns">
        <div class="side">
          <h2>Used</h2>
          {used.length ? <AskedFor asked={used} /> : <p class="quiet">It has called nothing so far.</p>}
          <h2>Allowed, and never used</h2>
          {unused.length ? (
            <ul class="attempts">
              {unused.map(({ policy, action, resource }) => (
                <li key={policy + action + resource}>
                  <code>{action}</code> on {resource} <small class="quiet">{policy}</small>
                </li>
              ))}
            </ul>
          ) : (
            <p class="quiet">Nothing.</p>
          )}
        </div>
        <div class="side">
          <h2>The least that allows what it asked for</h2>
          <Json text={JSON.stringify({ Version: "2012-10-17", Statement: least }, null, 2)} label="the least policy" />
        </div>
      </div>
    </>
  );
}

function AskedFor({ asked, wrong }: { asked: Asked[]; wrong?: boolean }) {
  return (
    <ul class={`attempts ${wrong ? "wrong" : ""}`}>
      {asked.map(({ action, resource, count }) => (
        <li key={action + resource}>
          <code>{action}</code> {resource && `on ${resource}`} <small class="quiet">{count}×</small>
        </li>
      ))}
    </ul>
  );
}
