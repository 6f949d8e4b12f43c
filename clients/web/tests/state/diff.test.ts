import { describe, expect, it } from "vitest";
import { besides, type Diff, diffOf, MAX_LINES } from "../../src/state/diff";

const shown = (diff: Diff | null) =>
  diff?.hunks.map((hunk) =>
    hunk.map((line) => `${line.number ?? ""}${line.sign}${line.pieces.map((one) => one.text).join("")}`),
  );
const marked = (diff: Diff | null) =>
  diff?.hunks.flatMap((hunk) =>
    hunk.flatMap((line) => line.pieces.filter((one) => one.isMarked).map((one) => one.text)),
  );

describe("the diff of an edit", () => {
  it("has the lines and numbers of the result's patch", () => {
    const structuredPatch = [
      { oldStart: 9, newStart: 9, lines: [" a", "-b", "+c", "+d", " e", "\\ No newline at end of file"] },
    ];
    expect(shown(diffOf("Edit", {}, { structuredPatch }))).toEqual([["9 a", "10-b", "10+c", "11+d", "12 e"]]);
  });

  it("says of an input what it would change", () => {
    const input = { file_path: "/a", old_string: "one\ntwo\nthree", new_string: "one\n2\nthree" };
    const lines = diffOf("Edit", input, {})
      ?.hunks.flat()
      .map((line) => `${line.sign}${line.pieces[0]?.text}`);
    expect(lines?.filter((line) => !line.startsWith(" "))).toEqual(["-two", "+2"]);
  });

  it("takes a new file as lines that come", () => {
    expect(shown(diffOf("Write", { content: "a\nb\n" }, {}))).toEqual([["1+a", "2+b"]]);
  });

  it("marks the words in which two lines differ, and no words of lines that are not alike", () => {
    expect(marked(diffOf("Edit", { old_string: "return x + 3", new_string: "return x + four" }, {}))).toEqual([
      "3",
      "four",
    ]);
    expect(marked(diffOf("Edit", { old_string: "apples", new_string: "return x" }, {}))).toEqual([]);
  });

  it("holds so many lines and counts the others", () => {
    const diff = diffOf("Write", { content: "x\n".repeat(MAX_LINES + 5) }, {});
    expect(diff?.hunks.flat()).toHaveLength(MAX_LINES);
    expect(diff?.left).toBe(5);
  });

  it("is none of a tool that edits nothing", () => {
    expect(diffOf("Bash", { command: "ls" }, {})).toBeNull();
  });
});

describe("what a diff does not show", () => {
  it("is every other field", () => {
    const input = { file_path: "/a", old_string: "x", new_string: "y", replace_all: true };
    expect(besides("Edit", input, diffOf("Edit", input, {}))).toEqual({ file_path: "/a", replace_all: true });
  });

  it("is everything where the diff leaves something out", () => {
    const long = { file_path: "/a", content: "x\n".repeat(MAX_LINES + 1) };
    expect(besides("Write", long, diffOf("Write", long, {}))).toEqual(long);
    const odd = { file_path: "/a", edits: [{ old_string: "x", new_string: "y", more: "z" }] };
    expect(besides("MultiEdit", odd, diffOf("MultiEdit", odd, {}))).toEqual(odd);
    const broken = { file_path: "/a", old_string: ["x"], new_string: "y" };
    expect(besides("Edit", broken, diffOf("Edit", broken, {}))).toEqual(broken);
  });
});
