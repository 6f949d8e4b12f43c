import { useEffect, useState } from "react";
import { words } from "../../words";

/** How long something runs already, counted on. `since`: RFC 3339. */
export function Elapsed({ since }: { since: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  // The clocks of two machines differ: nothing has begun in the future.
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  return <span className="elapsed">{words.project.elapsed(seconds)}</span>;
}
