import { useEffect, useState } from "react";
import { useServer } from "../context";
import { useKnown } from "../state/store";
import { words } from "../words";

/** Says how things stand with the connection, as long as it is not there. */
export function ConnectionStrip() {
  const connection = useKnown((state) => state.connection);
  const server = useServer();
  const isWaiting = connection.is === "waiting";
  const now = useNow(isWaiting);
  if (connection.is === "online" || connection.is === "out") return null;
  const told = words.connection;
  const seconds = isWaiting ? Math.max(0, Math.ceil((connection.retryAt - now) / 1000)) : 0;
  return (
    <div className="strip" role="status">
      {connection.is === "connecting" && told.connecting}
      {connection.is === "offline" && told.offline}
      {isWaiting && (seconds > 0 ? told.waiting(seconds) : told.retrying)}
      {isWaiting && (
        <button type="button" className="button bare" onClick={() => server.again()}>
          {told.now}
        </button>
      )}
    </div>
  );
}

function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isTicking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return now;
}
