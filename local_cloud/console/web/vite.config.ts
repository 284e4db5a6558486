import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

// The built files are part of the Python package: a user needs no Node.
export default defineConfig({
  plugins: [preact()],
  build: { outDir: "../assets", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": "http://localhost:8083" } },
});
