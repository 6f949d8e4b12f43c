/** Draws a view into a page, and judges what stands there. */

import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, expect } from "vitest";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

const roots: Root[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) act(() => root.unmount());
  document.body.replaceChildren();
});

/** What a view shows, as soon as all of it is loaded. */
export async function draw(view: ReactNode): Promise<HTMLElement> {
  const element = document.createElement("div");
  document.body.append(element);
  const root = createRoot(element);
  roots.push(root);
  await act(async () => root.render(view));
  return element;
}

const ELEMENTS =
  "script, style, iframe, object, embed, svg:not(.glyph), math, link, base, meta, form, video, audio, source, template, noscript, marquee, body";
const ATTRIBUTES = /^(on.*|srcdoc|srcset|formaction|action|xlink:href|style|ping|background|data|poster)$/i;
const ACTING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Nothing in it runs, loads from elsewhere, leads to where a browser would run something, or acts on who reads it. */
export function expectHarmless(element: HTMLElement): void {
  expect([...element.querySelectorAll(ELEMENTS)].map((one) => one.outerHTML)).toEqual([]);
  expect([...element.querySelectorAll("img")].map((one) => one.src).filter((src) => !src.startsWith("blob:"))).toEqual(
    [],
  );
  const attributes = [...element.querySelectorAll("*")].flatMap((one) => [...one.attributes]);
  const bad = attributes.filter(({ name, value }) => ATTRIBUTES.test(name) || ACTING.test(value));
  expect(bad.map(({ name, value }) => `${name}=${value}`)).toEqual([]);
  for (const link of element.querySelectorAll("a")) {
    if (link.hasAttribute("download")) {
      // It saves what the server has, and shows nothing.
      expect(link.href).toMatch(/^http:\/\/localhost:3000\/api\/v1\/projects\/p\/attachments\/[\w%!'()*.~-]+$/);
      continue;
    }
    expect(new URL(link.href).protocol).toMatch(/^(https?|mailto|blob):$/);
    expect(link.rel).toBe("noreferrer");
    expect(link.target).toBe("_blank");
  }
  expect(element.textContent).not.toMatch(ACTING);
}
