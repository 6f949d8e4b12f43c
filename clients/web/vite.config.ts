/// <reference types="vitest/config" />
import { createHash } from "node:crypto";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Tells the service worker which files make up this build, so that it keeps all of them, and a new build is a new worker. */
function shell(): Plugin {
  return {
    name: "shell",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("sw.js is not in the bundle");
      const files = Object.keys(bundle).filter((name) => name.startsWith("assets/"));
      const contents = Object.values(bundle).map((one) => (one.type === "chunk" ? one.code : one.source));
      const hash = createHash("sha256");
      for (const content of contents) hash.update(content);
      worker.code = worker.code
        .replaceAll("__SHELL__", JSON.stringify(["/", "/manifest.webmanifest", ...files.map((name) => `/${name}`)]))
        .replaceAll("__BUILD__", JSON.stringify(hash.digest("hex").slice(0, 16)));
    },
  };
}

export default defineConfig({
  plugins: [react(), shell()],
  build: {
    outDir: "../../pocketagent/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { main: "index.html", sw: "src/worker/sw.ts" },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.{ts,tsx}"] },
});
