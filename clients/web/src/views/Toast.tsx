import { useEffect, useState } from "react";
import { useKnown } from "../state/store";

/** Seconds for which a word to the person stays. */
const STAYS = 8;

/** What went wrong just now. */
export function Toast() {
  const toast = useKnown((state) => state.toast);
  const [gone, setGone] = useState(0);
  useEffect(() => {
    if (toast === null) return;
    const timer = setTimeout(() => setGone(toast.at), STAYS * 1000);
    return () => clearTimeout(timer);
  }, [toast]);
  return <div role="status">{toast !== null && toast.at !== gone && <p className="toast">{toast.text}</p>}</div>;
}
