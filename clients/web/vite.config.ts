/// <reference types="vitest/config" />
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Tells the service worker which files make up this build, so that it keeps all of them, and a new build is a new worker. */
function shell(): Plugin {
  return {
    name: "shell",
    enforce: "post", // when chunks that hold nothing but styles are gone
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("sw.js is not in the bundle");
      if (worker.imports.length > 0) throw new Error(`sw.js must stand alone, and needs ${worker.imports}`);
      const files = Object.keys(bundle).filter((name) => name.startsWith("assets/"));
      const icons = readdirSync("public/icons").map((name) => `icons/${name}`);
      const contents = Object.values(bundle).map((one) => (one.type === "chunk" ? one.code : one.source));
      const hash = createHash("sha256");
      for (const content of contents) hash.update(content);
      worker.code = worker.code
        .replaceAll(
          "__SHELL__",
          JSON.stringify(["/", "/manifest.webmanifest", ...[...files, ...icons].map((name) => `/${name}`)]),
        )
        .replaceAll("__BUILD__", JSON.stringify(hash.digest("hex").slice(0, 16)));
    },
  };
}

/** Bytes of JavaScript, packed, that a person may wait for before the first view. */
const FIRST_VIEW = 200_000;

/** Fails where the list of projects, or a project, would need more JavaScript than `FIRST_VIEW`. */
function budget(): Plugin {
  return {
    name: "budget",
    generateBundle(_, bundle) {
      const needed = new Set<string>();
      function need(name: string) {
        const chunk = bundle[name];
        if (needed.has(name) || chunk?.type !== "chunk") return;
        needed.add(name);
        chunk.imports.forEach(need);
      }
      for (const [name, one] of Object.entries(bundle)) {
        if (one.type === "chunk" && ["main", "ProjectPage"].includes(one.name)) need(name);
      }
      const codes = [...needed].map((name) => bundle[name]).map((one) => (one?.type === "chunk" ? one.code : ""));
      const bytes = codes.reduce((sum, code) => sum + gzipSync(code).length, 0);
      if (bytes > FIRST_VIEW) throw new Error(`the first view needs ${bytes} bytes of JavaScript, over ${FIRST_VIEW}`);
      this.info(`The first view needs ${Math.round(bytes / 1000)} of ${FIRST_VIEW / 1000} kB of JavaScript.`);
    },
  };
}

export default defineConfig({
  plugins: [react(), shell(), budget()],
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
