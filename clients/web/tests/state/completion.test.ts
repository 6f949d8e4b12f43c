// @vitest-environment node
import { describe, expect, test } from "vitest";
import {
  commandsOf,
  completed,
  fitting,
  modelsOf,
  ownCommand,
  type Suggestion,
  tokenAt,
} from "../../src/state/completion";

/** The word at the bar. */
function at(marked: string) {
  return tokenAt(marked.replace("|", ""), marked.indexOf("|"));
}

const choice = (insert: string, isWhole = true): Suggestion => ({
  key: insert,
  label: insert,
  detail: "",
  insert,
  isWhole,
});

describe("the word at the cursor", () => {
  test.each([
    ["/|", "command", "", 0],
    ["/co|mpact", "command", "co", 0],
    ["/mcp:do-it|", "command", "mcp:do-it", 0],
    ["/model o|", "model", "o", 7],
    ["/mode |", "mode", "", 6],
    ["@|", "file", "", 0],
    ["see @src/ap| please", "file", "src/ap", 4],
    ["see\n@a|", "file", "a", 4],
  ])("%s is the beginning of a name", (marked, kind, query, from) => {
    expect(at(marked)).toEqual({ kind, query, from, to: marked.indexOf("|") });
  });

  test.each(["|", "word|", " /co|", "a /co|", "/usr/bin|", "/compact now|", "me@home|", "see @src |", "/co\nx|"])(
    "%s is none",
    (marked) => expect(at(marked)).toBeNull(),
  );
});

describe("a choice", () => {
  test("takes the place of what was typed, with a gap behind it, and the cursor is there", () => {
    const token = at("see @sr| now");
    expect(token && completed("see @sr now", token, choice("@src/app.py"))).toEqual({
      words: "see @src/app.py now",
      cursor: 15,
    });
    const alone = at("/co|");
    expect(alone && completed("/co", alone, choice("/compact"))).toEqual({ words: "/compact ", cursor: 9 });
  });

  test("of a directory leaves the cursor in it", () => {
    const token = at("@s|");
    expect(token && completed("@s", token, choice("@src/", false))).toEqual({ words: "@src/", cursor: 5 });
  });
});

describe("what fits", () => {
  const all = ["/recompute", "/code-compact", "/compact", "/clear"].map((one) => choice(one));

  test("begins with it, or has a part that does, or has it within, in this order", () => {
    expect(fitting(all, "Comp").map((one) => one.key)).toEqual(["/compact", "/code-compact", "/recompute"]);
  });

  test("is everything where nothing was typed, and 50 at most", () => {
    expect(fitting(all, "")).toEqual(all);
    expect(
      fitting(
        Array.from({ length: 51 }, () => choice("/x")),
        "x",
      ),
    ).toHaveLength(50);
  });
});

describe("what the CLI tells of itself", () => {
  test("is read as far as it can be", () => {
    expect(
      commandsOf([{ name: "/a", description: "does a", argumentHint: "[x]" }, { description: "nameless" }]),
    ).toEqual([{ name: "a", detail: "does a", argument: "[x]" }]);
    expect(modelsOf([{ value: "opus", displayName: "Opus" }, { value: "x", resolvedModel: "x-1" }, {}])).toEqual([
      { value: "opus", name: "Opus", detail: "", resolved: "" },
      { value: "x", name: "x", detail: "", resolved: "x-1" },
    ]);
    expect([commandsOf(null), modelsOf(null)]).toEqual([[], []]);
  });
});

describe("a command of the client's own", () => {
  test.each([
    ["/new", { name: "new", argument: "" }],
    ["/model opus ", { name: "model", argument: "opus" }],
  ])("is %s", (said, own) => expect(ownCommand(said)).toEqual(own));

  test.each(["/compact", "new", "/model opus and more", "/new\nline two", " /kill"])("is not %j", (said) => {
    expect(ownCommand(said)).toBeNull();
  });
});
