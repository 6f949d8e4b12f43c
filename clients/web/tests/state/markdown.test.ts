import { describe, expect, it } from "vitest";
import { blocksOf, decoded, linkTo, read, UNWRITTEN } from "../../src/state/markdown";

const TEXTS = [
  "# One\n\nA paragraph\nof two lines.\n\nAnother **bold** one.\n\nTitle\n===\n\nend",
  "- a\n- b\n\n- c\n  - d\n\n    more\n\n1. x\n2. y\n\ntext",
  "```python\ndef f():\n\n    return 1\n```\n\nafter\n\n~~~\nopen\n\nend",
  "| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\nlazy\n\n> other\n\n---\n\n    code\n\n    code\n\nx",
  "<div>\nhtml\n\n</div>\n\ntext <b>x</b>\r\n\r\nline\n\ttab\n\n\n\nend",
  "a\n- b\n\nc\n***\n# d\n> e\n- [ ] f\n\ng",
];

const shown = (text: string, before = UNWRITTEN) =>
  blocksOf(read(text, before)).map((token) => [token.type, token.raw]);

describe("a text that is being written", () => {
  it.each(TEXTS)("is read piece by piece as it is read whole: %j", (text) => {
    for (const step of [1, 3, 7]) {
      let written = UNWRITTEN;
      for (let end = step; end < text.length + step; end += step) {
        written = read(text.slice(0, end), written);
        const whole = shown(text.slice(0, end));
        expect(blocksOf(written).map((token) => [token.type, token.raw])).toEqual(whole);
      }
    }
  });

  it("keeps what is written: only the last block is another", () => {
    const before = read("one\n\ntwo\n\nthr");
    const after = read("one\n\ntwo\n\nthree", before);
    expect(blocksOf(after)[1]).toBe(blocksOf(before)[1]);
    expect(blocksOf(after)[2]).not.toBe(blocksOf(before)[2]);
  });

  it("is read anew where it is another text", () => {
    expect(shown("# else", read("one\n\ntwo"))).toEqual([["heading", "# else"]]);
  });
});

describe("a link", () => {
  it("leads where the browser would go, as far as a person may go there", () => {
    expect(linkTo("https://ok.example/a?b=1&amp;c=2")).toBe("https://ok.example/a?b=1&c=2");
    for (const bad of [
      "java\tscript:alert(1)",
      "x.html",
      "//evil.example",
      "https://a:b@evil.example",
      "data:,x",
      "",
    ]) {
      expect(linkTo(bad)).toBeNull();
    }
  });
});

describe("character references", () => {
  it("are read, and what they make acts as little as what stands there", () => {
    expect(decoded("&lt;b&gt; &amp;amp; &#x202e; &#0; &nosuch; &mdash;")).toBe("<b> &amp; \ufffd \ufffd &nosuch; —");
  });
});
