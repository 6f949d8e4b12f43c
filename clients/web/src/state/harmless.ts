/** Text from outside, which must not act on whoever reads it (as pocketagent/domain/text.py). */

/** Control characters but tab and end of line, marks that turn the direction of writing, and what is no character. */
const HARMFUL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** What programs send to a terminal: CSI, OSC and other strings with their end, two-byte escapes. */
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-OQ-WYZ\\`-~])|\x9b[0-?]*[ -/]*[@-~]/g;

/** A text of several lines in which nothing acts: in place of what could stands a character that is seen. */
export function harmless(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(HARMFUL, pictured);
}

/** What a program printed, as it would stand on a terminal at the end: without colours, of a line the last version. */
export function printed(text: string): string {
  const lines = text.replace(ESCAPES, "").replaceAll("\r\n", "\n").split("\n");
  return harmless(lines.map((line) => line.replace(/\r+$/, "").replace(/^.*\r/s, "")).join("\n"));
}

/** The first line that says something, harmless, of at most `most` characters; a `…` where there was more. */
export function oneLine(text: string, most: number): string {
  const lines = text
    .slice(0, 4 * most)
    .trim()
    .split(/\r?\n/);
  const first = harmless(lines[0] ?? "")
    .split(/\s+/)
    .join(" ")
    .trim();
  const isMore = lines.length > 1 || text.length > 4 * most || first.length > most;
  return isMore ? `${first.slice(0, most - 2)} …` : first;
}

function pictured(found: string): string {
  const code = found.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}
