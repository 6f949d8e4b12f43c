const LINK = /!?\[([^\][]*)\]\([^()]*\)/g;
const CODE = /(`+)(.+?)\1/g;
const EMPHASIS = /(\*\*\*|\*\*|\*|~~)(?=\S)(.+?)(?<=\S)\1/g;
const OPENING = /^(?:#{1,6}|>|[-*+]|\d+\.) /;

/** The beginning of a text in Markdown, on one line, without its marks: for where there is no room to set it. */
export function unmarked(line: string): string {
  const bare = line.replace(OPENING, "").replace(LINK, "$1");
  // What stands in code is meant as it is.
  const parts: string[] = [];
  let at = 0;
  for (const found of bare.matchAll(CODE)) {
    parts.push(bare.slice(at, found.index).replace(EMPHASIS, "$2"), found[2] ?? "");
    at = found.index + found[0].length;
  }
  parts.push(bare.slice(at).replace(EMPHASIS, "$2"));
  return parts.join("");
}
