// Leaves a mark of the sources beside what was built from them, so that a test can tell old from new.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";

const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    return statSync(path).isDirectory() ? files(path) : [path];
  });
const sources = [...files("src"), ...files("public"), "index.html", "package.json", "vite.config.ts", "vite.report.config.ts"].sort();
const hash = createHash("sha256");
for (const path of sources) hash.update(path).update(readFileSync(path));
writeFileSync("../assets/sources.sha256", `${hash.digest("hex")}\n`);
