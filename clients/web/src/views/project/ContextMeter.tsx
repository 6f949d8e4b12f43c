import { useState } from "react";
import type { AgentContext } from "../../protocol/generated";
import { words } from "../../words";
import { Dialog } from "../Dialog";

/** From this share on the context is said to be nearly full: the CLI compacts it soon. */
const NEARLY_FULL = 0.8;

/** How full the agent's context is: a ring, and behind it the numbers. */
export function ContextMeter({ context, cost }: { context: AgentContext | null; cost: number | null }) {
  const [at, setAt] = useState<DOMRect | null>(null);
  const { total_tokens: total, max_tokens: most } = context ?? { total_tokens: null, max_tokens: null };
  const told = words.project;
  if (total === null || !most) return null;
  const share = Math.min(1, total / most);
  const percent = Math.round(share * 100);
  return (
    <>
      <button
        type="button"
        className={share >= NEARLY_FULL ? "meter full" : "meter"}
        aria-haspopup="dialog"
        aria-label={told.context(percent)}
        title={told.tokens(total, most)}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      >
        <svg viewBox="0 0 36 36" aria-hidden="true">
          <circle cx="18" cy="18" r="15.9" className="ground" />
          <circle cx="18" cy="18" r="15.9" className="share" pathLength={100} strokeDasharray={`${percent} 100`} />
        </svg>
        <span className="small">{percent} %</span>
      </button>
      {at && (
        <Dialog title={told.contextTitle} at={at} onClose={() => setAt(null)}>
          <p>{told.tokens(total, most)}</p>
          {cost !== null && <p>{told.cost(words.conversation.cost(cost))}</p>}
          <p className="faint small">{told.compacts}</p>
        </Dialog>
      )}
    </>
  );
}
