import { words } from "../../words";
import { Icon } from "../Icon";
import type { Stopping } from "../project/useStopping";

/** Ends the running turn; says so while that is not confirmed, and offers more where it was not. */
export function StopButton({ stopping, onKill }: { stopping: Stopping; onKill: () => void }) {
  const told = words.composer;
  if (stopping.standing === "unconfirmed") {
    return (
      <button type="button" className="button danger" title={told.unconfirmed} onClick={onKill}>
        {told.kill}
      </button>
    );
  }
  const isAsked = stopping.standing === "asked";
  return (
    <button
      type="button"
      className="button round stop"
      aria-label={isAsked ? told.interrupting : told.interrupt}
      title={isAsked ? told.interrupting : told.interruptHint}
      aria-disabled={isAsked}
      onClick={stopping.interrupt}
    >
      <Icon name="stop" />
    </button>
  );
}
