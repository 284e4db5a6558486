import { useState } from "preact/hooks";
import { aws } from "../../api";
import { bytes, date } from "../../format";
import { useLoaded } from "../../parts/loading";
import { Empty, Loading, Problem } from "../../parts/parts";
import { Pager, type Pages } from "../../parts/rows";
import { Listed } from "./Listed";

const PAGE = 100;

export function Buckets({ name }: { name: string }) {
  const loaded = useLoaded<string[]>(() =>
    aws("s3", "list_buckets").then((found) => found.Buckets.map((bucket: any) => bucket.Name)),
  );
  return (
    <Listed
      kind="buckets"
      loaded={loaded}
      chosen={name}
      none="No buckets. Run ./local-cloud provision."
      choose="Choose a bucket to see its objects."
    >
      <Objects bucket={name} key={name} />
    </Listed>
  );
}

function Objects({ bucket }: { bucket: string }) {
  const [prefix, setPrefix] = useState("");
  const [tokens, setTokens] = useState<Pages<string>>([undefined]);
  const token = tokens.at(-1);
  const loaded = useLoaded(
    () =>
      aws("s3", "list_objects_v2", {
        Bucket: bucket,
        Prefix: prefix,
        Delimiter: "/",
        MaxKeys: PAGE,
        ...(token ? { ContinuationToken: token } : {}),
      }),
    [prefix, token],
  );
  const folders: string[] = (loaded.value?.CommonPrefixes ?? []).map((found: any) => found.Prefix);
  const objects: { Key: string; Size: number; LastModified: number }[] = loaded.value?.Contents ?? [];
  const enter = (folder: string) => {
    setPrefix(folder);
    setTokens([undefined]);
  };
  const above = prefix.split("/").slice(0, -1);
  return (
    <>
      <div class="title">
        <h2 class="path">
          <button class="link" onClick={() => enter("")}>
            {bucket}
          </button>
          {above.map((part, n) => (
            <span key={n}>
              {" / "}
              <button class="link" onClick={() => enter(`${above.slice(0, n + 1).join("/")}/`)}>
                {part}
              </button>
            </span>
          ))}
        </h2>
        <span class="spring" />
        <button onClick={loaded.again}>Refresh</button>
      </div>
      <Problem error={loaded.error} retry={loaded.again} />
      {!loaded.value && !loaded.error && <Loading what="objects" />}
      {loaded.value && !objects.length && !folders.length && <Empty>No objects here.</Empty>}
      {(objects.length > 0 || folders.length > 0) && (
        <div class="scroll tall" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>Key</th>
                <th class="digits">Size</th>
                <th>Last modified</th>
              </tr>
            </thead>
            <tbody>
              {folders.map((folder) => (
                <tr key={folder}>
                  <td>
                    <button class="link" onClick={() => enter(folder)}>
                      {folder.slice(prefix.length)}
                    </button>
                  </td>
                  <td />
                  <td />
                </tr>
              ))}
              {objects.map((object) => (
                <tr key={object.Key}>
                  <td>
                    <a
                      href={`/api/objects?bucket=${encodeURIComponent(bucket)}&key=${encodeURIComponent(object.Key)}`}
                      download
                    >
                      {object.Key.slice(prefix.length)}
                    </a>
                  </td>
                  <td class="digits">{bytes(object.Size)}</td>
                  <td>{date(object.LastModified)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Pager pages={tokens} next={loaded.value?.NextContinuationToken} onTurn={setTokens} />
    </>
  );
}
