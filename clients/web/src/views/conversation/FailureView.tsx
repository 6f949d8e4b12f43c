import { useServer } from "../../context";
import type { Item } from "../../state/findings";
import { harmless } from "../../state/harmless";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import type { Surroundings } from "./ItemView";
import { Printed } from "./Printed";

/** Why an execution failed, what the CLI said of it, and what can be done next. */
export function FailureView({ item, around }: { item: Extract<Item, { kind: "failed" }>; around: Surroundings }) {
  const server = useServer();
  const told = words.conversation;
  const isStuck = useKnown((state) => {
    const project = state.projects[around.projectId];
    // The server's words name the request that helps.
    return project?.state === "ERROR" && project.error?.message === item.message && /new_session/.test(item.message);
  });
  return (
    <section className="failure" aria-label={told.ended.failed}>
      <p>{harmless(item.message)}</p>
      {item.stderr.trim() && (
        <details>
          <summary className="small">{told.stderr}</summary>
          <Printed id={item.key} label={told.stderr} text={item.stderr} />
        </details>
      )}
      {isStuck && (
        <button type="button" className="button" onClick={() => void server.ask("agent_new_session", around.projectId)}>
          {told.begin}
        </button>
      )}
    </section>
  );
}
