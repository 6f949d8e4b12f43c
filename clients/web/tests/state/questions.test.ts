import { describe, expect, it } from "vitest";
import { edited, editOf } from "../../src/state/inputs";
import { answered, askedOf, chosen, isAnswered, NO_REPLY, written } from "../../src/state/questions";

const input = {
  questions: [
    {
      question: "Which?",
      header: "Pick",
      multiSelect: false,
      options: [{ label: "A", description: "a" }, { label: "B" }],
    },
    { question: "What else?", multiSelect: true, options: [{ label: "C" }, { label: "D" }, { label: "C" }, {}] },
    { header: "no question" },
  ],
};

describe("questions of the agent", () => {
  const asked = askedOf(input);
  const [one, many] = asked;
  if (one === undefined || many === undefined) throw new Error("two questions can be asked");

  it("are those that can be asked, with the options that have a name, each once", () => {
    expect(asked.map((each) => each.options.map((option) => option.label))).toEqual([
      ["A", "B"],
      ["C", "D"],
    ]);
  });

  it("with one answer take the last one chosen, or one of the person's own words", () => {
    const reply = chosen(one, chosen(one, NO_REPLY, "A"), "B");
    expect(reply.labels).toEqual(["B"]);
    expect(written(one, reply, "neither")).toEqual({ labels: [], own: "neither" });
    expect(chosen(one, written(one, reply, "neither"), "A")).toEqual({ labels: ["A"], own: "" });
  });

  it("with several answers take a second tap as taking it back", () => {
    expect(chosen(many, chosen(many, NO_REPLY, "C"), "C")).toEqual(NO_REPLY);
  });

  it("are answered in the order of the options, and with the person's own words last", () => {
    const replies = [
      chosen(one, NO_REPLY, "B"),
      written(many, chosen(many, chosen(many, NO_REPLY, "D"), "C"), " and E "),
    ];
    expect(answered(input, asked, replies)).toEqual({
      ...input,
      answers: { "Which?": "B", "What else?": ["C", "D", "and E"] },
    });
  });

  it("are not answered by blanks", () => {
    expect(isAnswered(written(one, NO_REPLY, "  "))).toBe(false);
  });
});

describe("an input that a person changes", () => {
  it("is the text that the tool is used for, and all else stays as it was", () => {
    const given = { command: "rm -rf x", description: "clean" };
    const edit = editOf("Bash", given);
    expect(edit).toEqual({ field: "command", text: "rm -rf x" });
    expect(edit && edited(given, edit, "rm x")).toEqual({ command: "rm x", description: "clean" });
  });

  it("is JSON of a tool that is not known, or whose text cannot be shown as it is", () => {
    expect(editOf("mcp__a__b", { x: 1 })?.field).toBeNull();
    expect(editOf("Bash", { command: "a\u202eb" })?.field).toBeNull();
  });

  it("is refused when it is no JSON object, or no command is left", () => {
    const edit = { field: null, text: "" };
    for (const text of ["", "[1]", "null", "{", '"x"']) expect(edited({}, edit, text)).toBeNull();
    expect(edited({ command: "x" }, { field: "command", text: "x" }, "  \n")).toBeNull();
  });

  it("cannot be changed when it is too long", () => {
    expect(editOf("Write", { content: "x".repeat(200_001) })).toBeNull();
  });
});
