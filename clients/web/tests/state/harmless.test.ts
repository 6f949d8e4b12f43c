import { describe, expect, it } from "vitest";
import { harmless, oneLine, printed } from "../../src/state/harmless";

describe("a harmless text", () => {
  it("keeps what people write: lines, tabs, all scripts, emoji", () => {
    const text = "a\tb\nžluť 漢字 עברית 👩‍💻";
    expect(harmless(text)).toBe(text);
  });

  it("shows in place of what acts a character that is seen", () => {
    expect(harmless("\u001b[2J \u202e \u0000 \u007f \ud83d \ufeff")).toBe("␛[2J \ufffd ␀ ␡ \ufffd \ufffd");
  });
});

describe("what a program printed", () => {
  it.each([
    ["\u001b[1;31mred\u001b[0m", "red"],
    ["\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\", "click"],
    ["\u001b]0;title\u0007text", "text"],
    ["10 %\r50 %\r100 %\ndone\r\n", "100 %\ndone\n"],
    ["\u001b(Bplain\u001b=", "plain"],
    ["cut \u001b[3", "cut ␛[3"],
  ])("of %j is %j", (given, shown) => {
    expect(printed(given)).toBe(shown);
  });
});

describe("one line", () => {
  it("says that there was more", () => {
    expect(oneLine("a\nb", 10)).toBe("a …");
    expect(oneLine("abcdefghijkl", 10)).toBe("abcdefgh …");
    expect(oneLine("  a   b ", 10)).toBe("a b");
  });
});
