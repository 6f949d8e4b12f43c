/** A picture is shown large in front of the conversation: what it was opened from may be scrolled away meanwhile. */

import { createContext, useEffect, useState } from "react";

export interface Shown {
  name: string;
  blob: Blob;
}

/** Shows one. */
export const ShowContext = createContext<(picture: Shown) => void>(() => undefined);

/** The address of a blob as an object of this page, which is given back when nobody shows it; empty before there is one. */
export function useObjectUrl(blob: Blob | null): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    if (blob === null) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl("");
    };
  }, [blob]);
  return url;
}
