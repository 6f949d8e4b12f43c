import { describe, expect, it } from "vitest";
import { Markdown } from "../../src/views/conversation/Markdown";
import { draw, expectHarmless } from "./drawing";
import { HOSTILE } from "./hostile";

describe("Markdown", () => {
  it.each(HOSTILE)("makes nothing that acts of %j", async (text) => {
    expectHarmless(await draw(<Markdown text={text} />));
  });

  it.each(HOSTILE)("makes nothing that acts of %j within other things", async (text) => {
    const within = [`- ${text}`, `> ${text}`, `**${text}**`, `[${text}](https://ok.example)`, `a\n\n${text}\n\nb`];
    expectHarmless(await draw(within.map((one) => <Markdown key={one} text={one} />)));
  });

  it("makes nothing that acts of the beginning of a text, wherever it is cut while it is written", async () => {
    const text = HOSTILE.slice(0, 40).join("\n\n");
    for (let end = 1; end < text.length; end += 37) expectHarmless(await draw(<Markdown text={text.slice(0, end)} />));
  });

  it("shows HTML as the text that it is", async () => {
    const element = await draw(<Markdown text={"a <b>bold</b> word\n\n<div>block</div>"} />);
    expect(element.textContent).toContain("<b>bold</b>");
    expect(element.textContent).toContain("<div>block</div>");
  });

  it("leads only to where a person can go: https, http, mail", async () => {
    const element = await draw(
      <Markdown text="[a](https://ok.example/x?a=1&amp;b=2) [b](ftp://no.example) <me@ok.example> ![pic](http://ok.example/p.png)" />,
    );
    expect([...element.querySelectorAll("a")].map((link) => link.href)).toEqual([
      "https://ok.example/x?a=1&b=2",
      "mailto:me@ok.example",
      "http://ok.example/p.png",
    ]);
  });

  it("draws tables, nested lists, tasks, quotes and code as such", async () => {
    const element = await draw(
      <Markdown text={"| a | b |\n|--|:-:|\n| 1 | 2 |\n\n- x\n  - y\n- [x] done\n\n> q\n\n```ts\nconst a = 1;\n```"} />,
    );
    expect(element.querySelectorAll("td")).toHaveLength(2);
    expect(element.querySelector("li li")?.textContent).toBe("y");
    expect(element.querySelector(".tick")?.getAttribute("aria-label")).toBe("Done");
    expect(element.querySelector("blockquote")?.textContent).toBe("q");
    expect(element.querySelector("figure code")?.textContent).toBe("const a = 1;");
  });

  it("shows a code block whose end is not written yet as code", async () => {
    const element = await draw(<Markdown text={"look:\n\n```python\ndef f():\n    return **x**"} />);
    expect(element.querySelector("figure code")?.textContent).toBe("def f():\n    return **x**");
    expect(element.querySelector("strong")).toBeNull();
  });

  it("draws what is nested without end to a depth, and goes on", async () => {
    for (const text of [">".repeat(3000), `${"- ".repeat(500)}x`, "*".repeat(3000), "[".repeat(3000)]) {
      expectHarmless(await draw(<Markdown text={text} />));
    }
  });

  it("shows a text that is too long for it as it was written", async () => {
    const text = `# not a heading ${"x".repeat(200_001)}`;
    const element = await draw(<Markdown text={text} />);
    expect(element.querySelector("h3")).toBeNull();
    expect(element.textContent).toBe(text);
  });
});
