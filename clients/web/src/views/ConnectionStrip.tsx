import { useEffect, useState } from "react";
import { useServer } from "../context";
import { useKnown } from "../state/store";
import { words } from "../words";

/** Seconds for which connecting is no news. */
const PATIENCE = 2;

/** Says how things stand with the connection, as long as it is not there. */
export function ConnectionStrip() {
  const connection = useKnown((state) => state.connection);
  const server = useServer();
  const isWaiting = connection.is === "waiting";
  const now = useNow(isWaiting);
  const isLate = useLate(connection.is === "connecting");
  const told = words.connection;
  const seconds = isWaiting ? Math.max(0, Math.ceil((connection.retryAt - now) / 1000)) : 0;
  const isShown = isWaiting || isLate || connection.is === "offline";
  return (
    <div role="status">
      {isShown && (
        <p className="strip">
          {connection.is === "connecting" && told.connecting}
          {connection.is === "offline" && told.offline}
          {isWaiting && (seconds > 0 ? told.waiting(seconds) : told.retrying)}
          {isWaiting && (
            <button type="button" className="button bare" onClick={() => server.again()}>
              {told.now}
            </button>
          )}
        </p>
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

/** Whether it is so for some time already. */
function useLate(isSo: boolean): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isSo) return;
    const timer = setTimeout(() => setLate(true), PATIENCE * 1000);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [isSo]);
  return isLate;
}
