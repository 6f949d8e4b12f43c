import { useEffect, useMemo, useState } from "react";
import type { Node } from "../../state/colours";

type Highlighting = typeof import("./highlighting");

/** Characters of code that is coloured. */
export const MAX_COLOURED = 50_000;

let loaded: Highlighting | null = null;

/** What colours a text of this language; null until that is loaded, where nobody knows the language, and for what is long. */
export function useHighlighting(language: string, length: number): ((text: string) => readonly Node[]) | null {
  const [highlighting, setHighlighting] = useState(loaded);
  const isWanted = language !== "" && length <= MAX_COLOURED;
  useEffect(() => {
    if (!isWanted || highlighting !== null) return;
    let isGone = false;
    void import("./highlighting").then((found) => {
      loaded = found;
      if (!isGone) setHighlighting(found);
    });
    return () => {
      isGone = true;
    };
  }, [isWanted, highlighting]);
  return useMemo(() => {
    if (!isWanted || !highlighting?.registered(language)) return null;
    return (text) => highlighting.highlight(language, text).children as readonly Node[];
  }, [isWanted, highlighting, language]);
}
