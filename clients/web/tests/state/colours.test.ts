import { common, createLowlight } from "lowlight";
import { describe, expect, it } from "vitest";
import { coloured, languageOf, type Node, sizeOf } from "../../src/state/colours";
import { diffOf } from "../../src/state/diff";
import { HOSTILE } from "../views/hostile";

const { highlight, registered } = createLowlight(common);
const typescript = (text: string) => highlight("typescript", text).children as readonly Node[];

function edit(old_string: string, new_string: string) {
  const diff = diffOf("Edit", { old_string, new_string }, {});
  if (diff === null) throw new Error("there is no diff");
  return diff;
}

/** Each line with its pieces: `text` as it is, `text:class` in a colour, `[text]` marked. */
function drawn(old: string, now: string): string[][] {
  return coloured(edit(old, now), typescript)
    .flat()
    .map((line) =>
      line.map(({ text, isMarked, names }) => (isMarked ? `[${text}]` : names ? `${text}:${names.slice(5)}` : text)),
    );
}

describe("the lines of a diff", () => {
  it("have the colours of their language, each of what it was and what it is", () => {
    expect(drawn("", "const x = 1;\n")).toEqual([["const:keyword", " x = ", "1:number", ";"]]);
    expect(drawn("/* a\nmany more words of it */\n", "/* a\n*/ let b = 2\n")).toEqual([
      ["/* a:comment"],
      ["many more words of it */:comment"],
      ["*/:comment", " ", "let:keyword", " b = ", "2:number"],
    ]);
  });

  it("keep their marks, which stand out without a colour", () => {
    expect(drawn('const text = "one word";\n', 'const text = "two word";\n')).toEqual([
      ["const:keyword", " text = ", '":string', "[one]", ' word":string', ";"],
      ["const:keyword", " text = ", '":string', "[two]", ' word":string', ";"],
    ]);
  });

  it.each([...HOSTILE, "`${".repeat(2000), "a\rb", "", "\n\n"])("say what they said before: %#", (text) => {
    const diff = edit(`${text}\nx\n`, `${text}\n${text}!\n`);
    const said = coloured(diff, typescript).map((hunk) => hunk.map((line) => line.map((one) => one.text).join("")));
    expect(said).toEqual(diff.hunks.map((hunk) => hunk.map((line) => line.pieces.map((one) => one.text).join(""))));
    expect(sizeOf(diff)).toBe(said.flat().reduce((sum, line) => sum + line.length + 1, 0));
  });
});

describe("the language of an edit", () => {
  it.each([
    ["Edit", { file_path: "/home/ada/app/mean.py" }, "python"],
    ["Write", { file_path: "main.test.TSX" }, "tsx"],
    ["Edit", { file_path: "/x/Makefile" }, "makefile"],
    ["NotebookEdit", { notebook_path: "/x/n.ipynb" }, "python"],
    ["NotebookEdit", { notebook_path: "/x/n.ipynb", cell_type: "markdown" }, "markdown"],
  ])("of %s %j is known", (name, input, language) => {
    const found = languageOf(name, input);
    expect(registered(found)).toBe(true);
    expect(highlight(found, "x = 1 # y").children).toEqual(highlight(language, "x = 1 # y").children);
  });

  it.each([{ file_path: "/x/LICENSE" }, { file_path: "/x/a.constructor" }, { file_path: "/x/a.__proto__" }, {}])(
    "of %j is not",
    (input) => {
      expect(registered(languageOf("Edit", input))).toBe(false);
    },
  );
});
