/**
 * The types of the protocol, made from the server's own description:
 *
 *     python docs/make_openapi.py | node clients/web/types.mjs            writes src/protocol/generated.ts
 *     python docs/make_openapi.py | node clients/web/types.mjs --check    fails where it is not in step
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const PATH = fileURLToPath(new URL("src/protocol/generated.ts", import.meta.url));
const HEAD = "/* Made by types.mjs from the server's description of itself; never edited. */";

const described = JSON.parse(readFileSync(0, "utf8"));
const text = JSON.stringify(described.components.schemas).replaceAll("#/components/schemas/", "#/$defs/");
// A schema that only describes allows everything; what stands beside a reference (a default) would make a second type of it.
const schemas = JSON.parse(text, (_, value) => {
  if (value === null || typeof value !== "object") return value;
  if (Object.keys(value).join() === "description") return { tsType: "unknown" };
  return typeof value.$ref === "string" ? { $ref: value.$ref } : value;
});
// The name of a type is its key; a title besides would make a second type of it.
for (const schema of Object.values(schemas)) delete schema.title;
const root = { $defs: schemas, type: "object", additionalProperties: false, properties: {} };
for (const name of Object.keys(schemas)) root.properties[name] = { $ref: `#/$defs/${name}` };
const made = await compile(root, "Protocol", {
  bannerComment: HEAD,
  additionalProperties: false,
  maxItems: -1,
  ignoreMinAndMaxItems: true,
  unknownAny: true,
});

if (process.argv.includes("--check")) {
  if (readFileSync(PATH, "utf8") !== made) {
    console.error("src/protocol/generated.ts is not what the server describes: run `make web-types`.");
    process.exit(1);
  }
} else {
  writeFileSync(PATH, made);
}
