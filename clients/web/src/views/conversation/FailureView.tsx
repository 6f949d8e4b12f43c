import { useServer } from "../../context";
import { may } from "../../state/device";
import type { Item } from "../../state/findings";
import { harmless } from "../../state/harmless";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { Dismiss } from "../project/Dismiss";
import type { Surroundings } from "./ItemView";
import { Printed } from "./Printed";
import { useRetry } from "./useRetry";

type Failure = Extract<Item, { kind: "failed" }>;

/** Why an execution failed, what the CLI said of it, and what can be done next. */
export function FailureView({ item, around }: { item: Failure; around: Surroundings }) {
  const told = words.conversation;
  const isCurrent = useKnown((state) => {
    const project = state.projects[around.projectId];
    // Whose next prompt waits for a connection has gone on already.
    if (state.unsent.some((one) => one.projectId === around.projectId && !one.problem)) return false;
    return project?.state === "ERROR" && project.error?.message === item.message && may(state, "execute");
  });
  return (
    <section className="failure" aria-label={told.ended.failed}>
      <p>{item.isLost ? told.lost : harmless(item.message)}</p>
      {item.stderr.trim() && (
        <details>
          <summary className="small">{told.stderr}</summary>
          <Printed id={item.key} label={told.stderr} text={item.stderr} />
        </details>
      )}
      {isCurrent && item.seq === around.progress.ended && <WaysOn item={item} around={around} />}
    </section>
  );
}

/** How a person goes on from a failure. What cannot be gone on with needs a new conversation first. */
function WaysOn({ item, around }: { item: Failure; around: Surroundings }) {
  const server = useServer();
  const retry = useRetry(around.projectId, item.executionId);
  const isNew = around.progress.stopped > item.seq;
  return (
    <div className="ways">
      {item.isLost && !isNew ? (
        <button type="button" className="button" onClick={() => void server.ask("agent_new_session", around.projectId)}>
          {words.conversation.begin}
        </button>
      ) : (
        <button type="button" className="button" onClick={retry}>
          {words.conversation.retry}
        </button>
      )}
      <Dismiss projectId={around.projectId} />
    </div>
  );
}
