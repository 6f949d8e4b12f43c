import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const STYLES = join(import.meta.dirname, "../src/styles");
/** A class that stands alone as a selector, or one of several. */
const ALONE = /^\.([\w-]+)(?= \{|,$)/gm;

describe("styles", () => {
  it("are of one file for each class: files are loaded when they are wanted, and must not change what is there", () => {
    const homes = new Map<string, Set<string>>();
    for (const file of readdirSync(STYLES)) {
      for (const [, name = ""] of readFileSync(join(STYLES, file), "utf8").matchAll(ALONE)) {
        homes.set(name, (homes.get(name) ?? new Set()).add(file));
      }
    }
    expect(homes.size).toBeGreaterThan(50);
    expect([...homes].filter(([, files]) => files.size > 1).map(([name, files]) => [name, ...files])).toEqual([]);
  });
});
