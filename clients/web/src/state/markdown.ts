/** Markdown -> tokens that views draw. No HTML comes of it: what is HTML in it is a text like any other. */

import { lexer, type Token } from "marked";
import { harmless } from "./harmless";

/** Characters of a text that is read as Markdown; a longer one is shown as it was written. */
export const MAX_MARKDOWN = 200_000;

/** A text as it was read: `tokens` are its blocks and what stands between them, one behind the other. */
export interface Written {
  text: string;
  tokens: readonly Token[];
}

export const UNWRITTEN: Written = { text: "", tokens: [] };

/** The blocks of a text that are drawn. */
export function blocksOf(written: Written): readonly Token[] {
  return written.tokens.filter((token) => !isBetween(token));
}

/** Read a text. Where it goes on from one that was read before, only its last block is read anew. */
export function read(text: string, before: Written = UNWRITTEN): Written {
  const safe = harmless(text);
  if (safe.length > MAX_MARKDOWN) return { text: safe, tokens: verbatim(safe) };
  const kept = safe.startsWith(before.text) ? settled(before) : [];
  const from = kept.reduce((length, token) => length + token.raw.length, 0);
  try {
    return { text: safe, tokens: [...kept, ...lexer(safe.slice(from), { gfm: true })] };
  } catch (error) {
    if (error instanceof RangeError) return { text: safe, tokens: verbatim(safe) }; // nested deeper than the stack
    throw error;
  }
}

/** The blocks that what follows cannot change: all before the last one. */
function settled({ text, tokens }: Written): readonly Token[] {
  const isExact = tokens.reduce((length, token) => length + token.raw.length, 0) === text.length;
  const last = tokens.findLastIndex((token) => !isBetween(token));
  return isExact && last > 0 ? tokens.slice(0, last) : [];
}

function isBetween(token: Token): boolean {
  return token.type === "space" || token.type === "def";
}

function verbatim(text: string): readonly Token[] {
  return [{ type: "paragraph", raw: text, text, tokens: [{ type: "escape", raw: text, text }] }];
}

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** Where a link leads, as the browser reads it; null for one that a person does not get as a link. */
export function linkTo(href: string): string | null {
  const decoded = references(href);
  if (!URL.canParse(decoded)) return null;
  const url = new URL(decoded);
  return SCHEMES.has(url.protocol) && !url.username && !url.password ? url.href : null;
}

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  copy: "©",
  reg: "®",
  trade: "™",
  times: "×",
  middot: "·",
  bull: "•",
  rarr: "→",
  larr: "←",
};
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g;

/** A text with its character references read: `&lt;` is `<`. What they make acts as little as what stands there. */
export function decoded(text: string): string {
  return harmless(references(text));
}

function references(text: string): string {
  return text.replace(ENTITY, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number.parseInt(decimal, 10);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
  });
}
