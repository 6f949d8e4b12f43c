import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

type Colour = readonly [number, number, number];

const STYLES = join(import.meta.dirname, "../src/styles");
/** A class that stands alone as a selector, or one of several. */
const ALONE = /^\.([\w-]+)(?= \{|,$)/gm;

/** Those of the list of projects, which stands before any other page is loaded. */
const FIRST = ["base.css", "app.css", "dialog.css", "projects.css"];

const read = (file: string) => readFileSync(join(STYLES, file), "utf8");

describe("styles", () => {
  it("are of one file for each class: files are loaded when they are wanted, and must not change what is there", () => {
    const homes = new Map<string, Set<string>>();
    for (const file of readdirSync(STYLES)) {
      for (const [, name = ""] of read(file).matchAll(ALONE)) {
        homes.set(name, (homes.get(name) ?? new Set()).add(file));
      }
    }
    expect(homes.size).toBeGreaterThan(50);
    expect([...homes].filter(([, files]) => files.size > 1).map(([name, files]) => [name, ...files])).toEqual([]);
  });

  it("of later pages do not change what the list of projects has: nothing jumps when they come", () => {
    const used = new Set(
      FIRST.flatMap((file) => [...read(file).matchAll(/\.([a-z][\w-]*)/gi)].map(([, name]) => name)),
    );
    const later = readdirSync(STYLES).filter((file) => !FIRST.includes(file));
    const found = later.flatMap((file) => [...read(file).matchAll(ALONE)].map(([, name]) => name));
    expect(found.filter((name) => used.has(name))).toEqual([]);
  });
});

/** The colours of all files by their name, in light and in dark. */
function colours(): ReadonlyMap<string, readonly [Colour, Colour]> {
  const found = new Map<string, readonly [Colour, Colour]>();
  for (const file of readdirSync(STYLES)) {
    const style = readFileSync(join(STYLES, file), "utf8");
    for (const [, name = "", light = "", dark = ""] of style.matchAll(
      /--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\)/g,
    )) {
      found.set(name, [colour(light), colour(dark)]);
    }
  }
  return found;
}

function colour(hex: string): Colour {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  return [part(0), part(2), part(4)];
}

/** WCAG 2.2, "relative luminance" and "contrast ratio". */
function contrast(one: Colour, other: Colour): number {
  const luminance = (of: Colour) => {
    const [red, green, blue] = of.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe("a diff", () => {
  const all = colours();
  const of = (name: string, scheme: 0 | 1): Colour => {
    const found = all.get(name)?.[scheme];
    if (found === undefined) throw new Error(`there is no colour ${name}`);
    return found;
  };
  const written = ["text", "faint", ...[...all.keys()].filter((name) => name.startsWith("code-"))];

  it.each(["added", "removed", "raised"])("can be read on %s ground, light and dark (AA)", (ground) => {
    expect(written.length).toBeGreaterThan(6);
    for (const scheme of [0, 1] as const) {
      const poor = written.filter((name) => contrast(of(name, scheme), of(ground, scheme)) < 4.5);
      expect(poor).toEqual([]);
    }
  });

  it.each([
    ["added", "good"],
    ["removed", "bad"],
  ])("can be read where a part of an %s line is marked", (ground, tint) => {
    const style = readFileSync(join(STYLES, "conversation.css"), "utf8");
    const share = Number(new RegExp(`var\\(--${tint}\\) (\\d+)%, transparent`).exec(style)?.[1]) / 100;
    for (const scheme of [0, 1] as const) {
      const under = of(ground, scheme);
      const mixed = of(tint, scheme).map((part, at) => part * share + (under[at] ?? 0) * (1 - share));
      expect(contrast(of("text", scheme), mixed as unknown as Colour)).toBeGreaterThan(4.5);
    }
  });
});
