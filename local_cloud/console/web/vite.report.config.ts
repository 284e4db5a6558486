import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// A report is one file that needs nothing else: the code and the style are inside, and the page may
// load and run nothing but these.
const page = (code: string, style: string) => {
  const own = createHash("sha256").update(code).digest("base64");
  const rule = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${own}'`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${rule}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Report</title>
    <style>${style}</style>
  </head>
  <body>
    <div id="app"></div>
    <noscript><p><!--summary--></p></noscript>
    <script type="application/json" id="result"><!--result--></script>
    <script>${code}</script>
  </body>
</html>
`;
};

export default defineConfig({
  plugins: [
    preact(),
    {
      name: "one-file",
      enforce: "post", // after the style was put together
      generateBundle(_, bundle) {
        const files = Object.values(bundle);
        const code = files.find((file) => file.type === "chunk")!.code.trim();
        const style = files.find((file) => file.type === "asset" && file.fileName.endsWith(".css"));
        if (code.includes("</script") || code.includes("<!--")) throw new Error("the code would end its element");
        if (style?.type !== "asset") throw new Error("the style is not there");
        writeFileSync("../../../lambdas/handle-finish/report.html", page(code, String(style.source)));
        for (const name of Object.keys(bundle)) delete bundle[name];
      },
    },
  ],
  build: {
    outDir: "node_modules/.report",
    cssCodeSplit: false,
    lib: { entry: "src/report/main.tsx", formats: ["iife"], name: "report", fileName: "report" },
  },
  define: { "process.env.NODE_ENV": '"production"' },
});
