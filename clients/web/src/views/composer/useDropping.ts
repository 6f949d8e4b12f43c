import { useEffect, useRef, useState } from "react";

/** Files that are dropped anywhere on the page; whether some are over it now. */
export function useDropping(take: (files: Iterable<File>) => void): boolean {
  const [isOver, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const stop = new AbortController();
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const away = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const dropped = (event: DragEvent) => {
      setOver(false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      latest.current(event.dataTransfer.files);
    };
    window.addEventListener("dragover", over, { signal: stop.signal });
    window.addEventListener("dragleave", away, { signal: stop.signal });
    window.addEventListener("drop", dropped, { signal: stop.signal });
    return () => stop.abort();
  }, []);
  return isOver;
}
