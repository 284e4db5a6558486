import { useState } from "preact/hooks";
import { aws } from "../../api";
import { date, pretty } from "../../format";
import { useLoaded } from "../../parts/loading";
import { Empty, Json, Loading, Problem } from "../../parts/parts";

interface Secret {
  Name: string;
  Description?: string;
  LastChangedDate?: number;
}

/** The names; a value is fetched when somebody asks to see it. */
export function Secrets() {
  const loaded = useLoaded<Secret[]>(() => aws("secretsmanager", "list_secrets").then((found) => found.SecretList));
  const [values, setValues] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>();
  const reveal = (name: string) =>
    aws("secretsmanager", "get_secret_value", { SecretId: name }).then((found) => {
      setValues((before) => ({ ...before, [name]: found.SecretString ?? "(binary)" }));
      setError(undefined);
    }, setError);
  const hide = (name: string) => setValues(({ [name]: _, ...others }) => others);
  return (
    <>
      <Problem error={loaded.error ?? error} retry={loaded.again} />
      {!loaded.value && !loaded.error && <Loading what="secrets" />}
      {loaded.value?.length === 0 && <Empty>No secrets. Run ./local-cloud provision.</Empty>}
      {loaded.value && loaded.value.length > 0 && (
        <ul class="list rows">
          {loaded.value.map((secret) => (
            <li key={secret.Name}>
              <div class="title">
                <strong>{secret.Name}</strong>
                <span class="quiet">
                  {[secret.Description, secret.LastChangedDate && `changed ${date(secret.LastChangedDate)}`]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
                <span class="spring" />
                {values[secret.Name] === undefined ? (
                  <button onClick={() => reveal(secret.Name)}>Show the value</button>
                ) : (
                  <button onClick={() => hide(secret.Name)}>Hide</button>
                )}
              </div>
              {values[secret.Name] !== undefined && (
                <Json text={pretty(values[secret.Name])} label={`the value of ${secret.Name}`} />
              )}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
