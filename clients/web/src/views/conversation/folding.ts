/** What a person has unfolded stays so while it is scrolled out of sight, where it is not drawn. */

import { createContext, useContext, useState } from "react";

/** What has been unfolded, or folded against its custom, in this conversation. */
export const FoldingContext = createContext<Map<string, boolean>>(new Map());

/** Whether all is open where nobody has folded it: what a person has looked for. */
export const SoughtContext = createContext(false);

/** Whether `key` is open, and how to say so. */
export function useFolding(key: string, isOpenFirst = false): [boolean, (isOpen: boolean) => void] {
  const chosen = useContext(FoldingContext);
  const [, drawAgain] = useState(0);
  const isCustom = useContext(SoughtContext) || isOpenFirst;
  const isOpen = chosen.get(key) ?? isCustom;
  return [
    isOpen,
    (next) => {
      if (next === isCustom) chosen.delete(key);
      else chosen.set(key, next);
      drawAgain((count) => count + 1);
    },
  ];
}
