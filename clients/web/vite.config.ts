/// <reference types="vitest/config" />
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
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

/**
 * Names in index.html also what draws the first view. main.ts imports it once that runs: a browser that began to load it only
 * then would have waited for nothing.
 */
function ahead(): Plugin {
  return {
    name: "ahead",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const draw = Object.values(bundle).find((one) => one.type === "chunk" && one.name === "draw");
        if (draw?.type !== "chunk") return [];
        const styles = draw.viteMetadata?.importedCss.size ?? 0;
        if (styles > 0)
          throw new Error("styles of the first view that come after its scripts: name them in codeSplitting");
        const missing = [draw.fileName, ...draw.imports].filter((name) => !html.includes(name));
        return missing.map((name) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `/${name}` },
        }));
      },
    },
  };
}

/** Packs each file as well as can be, since that is done once: the server sends these to whoever takes brotli. */
function pack(): Plugin {
  return {
    name: "pack",
    writeBundle({ dir = "" }, bundle) {
      for (const name of Object.keys(bundle)) {
        if (/\.(html|js|css)$/.test(name)) {
          const path = join(dir, name);
          writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
        }
      }
    },
  };
}

/** Bytes of JavaScript, packed, that a person may wait for: a tenth more than they are. */
const BUDGETS = { list: 106_000, project: 150_000 };
/** What the list of projects has no use for. */
const LATER =
  /\/src\/views\/(conversation|permissions|search|status)\/|\/composer\/Composer|\/node_modules\/(virtua|marked|lowlight|diff)\//;

/** Fails where the list of projects, or a project, would need more JavaScript than its budget, or the list what is not its own. */
function budget(): Plugin {
  return {
    name: "budget",
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
      const named = (name: string) => chunks.filter((chunk) => chunk.name === name);
      const needs = (roots: typeof chunks) => {
        const needed = new Set(roots);
        for (const chunk of needed) {
          for (const other of chunks) if (chunk.imports.includes(other.fileName)) needed.add(other);
        }
        return [...needed];
      };
      const check = (what: keyof typeof BUDGETS, needed: typeof chunks) => {
        const bytes = needed.reduce((sum, { code }) => sum + gzipSync(code).length, 0);
        const most = BUDGETS[what];
        if (needed.length < 2 || bytes > most)
          throw new Error(`the ${what} needs ${bytes} bytes of JavaScript, over ${most}`);
        this.info(`The ${what} needs ${Math.round(bytes / 1000)} of ${most / 1000} kB of JavaScript.`);
      };
      const first = needs([...named("begin"), ...named("draw")]);
      const foreign = first.flatMap((chunk) => chunk.moduleIds).filter((id) => LATER.test(id));
      if (foreign.length > 0) throw new Error(`the list of projects does not need ${foreign}`);
      check("list", first);
      check("project", needs([...first, ...named("ProjectPage")]));
    },
  };
}

export default defineConfig({
  plugins: [react(), ahead(), shell(), budget(), pack()],
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
        // The first view is two scripts and their styles, not one more for everything that some other page needs, too.
        codeSplitting: {
          groups: [
            { name: "begin", test: /src\/main\.ts$|src\/styles\/(app|dialog|projects)\.css$/, priority: 2 },
            { name: "draw", test: /src\/views\/draw\.tsx$/, priority: 1 },
          ],
        },
      },
    },
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.{ts,tsx}"] },
});
