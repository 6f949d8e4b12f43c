import { describe, expect, it } from "vitest";
import { unmarked } from "../../src/state/unmarked";

describe("the beginning of a text in Markdown", () => {
  it.each([
    ["`mean` now answers **0.0**, *not* ~~1~~", "mean now answers 0.0, not 1"],
    ["# Done", "Done"],
    ["1. first", "first"],
    ["- see [the page](https://x.example/a) ![it](b.png)", "see the page it"],
    ["``a ` b`` and `**c**`", "a ` b and **c**"],
    ["***all*** of it", "all of it"],
  ])("is shown without its marks: %j", (text, plain) => {
    expect(unmarked(text)).toBe(plain);
  });

  it.each(["2 * 3 * 4", "a ** b", "snake_case_name", "__init__.py", "[x] (y)", "`open", "**cut o…", "3.14", "-v", ""])(
    "stays where there are none: %j",
    (text) => {
      expect(unmarked(text)).toBe(text);
    },
  );

  it("is read in one go, whatever it is made of", () => {
    for (const text of ["[".repeat(400), "*a".repeat(200), "`".repeat(400), "[a](".repeat(100)]) {
      expect(unmarked(text).length).toBeLessThanOrEqual(400);
    }
  });
});
