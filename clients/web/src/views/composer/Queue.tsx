import { useEffect, useState } from "react";
import { useServer } from "../../context";
import type { ClientMessage, Entry, ProjectState } from "../../protocol/generated";
import type { Conversation } from "../../state/state";
import { words } from "../../words";
import { Icon } from "../Icon";
import { focusComposer } from "./focusing";

/** Prompts of the journal that are looked through for those that wait. */
const LOOKED_THROUGH = 100;

type Prompts = Readonly<Record<string, ClientMessage>>;

/** The prompts that wait, in their order; each can be removed, or put back into the composer. */
export function Queue({ project, open }: { project: ProjectState; open: Conversation }) {
  const server = useServer();
  const prompts = usePrompts(project, open);
  const told = words.queue;
  if (project.queued.length === 0) return null;

  async function remove(executionId: string, isEdited: boolean) {
    const gone = await server.ask("queue_remove", project.id, { execution_id: executionId });
    const prompt = prompts[executionId];
    if (gone === null || !isEdited || prompt === undefined) return;
    server.putBack(project.id, { text: prompt.prompt, attachments: prompt.attachments ?? [] });
    focusComposer();
  }

  return (
    <section className="queue" aria-label={told.title}>
      <h2 className="small faint">{told.waiting(project.queued.length)}</h2>
      <ol>
        {project.queued.map(({ execution_id, by }, index) => (
          <li key={execution_id}>
            <span className="faint small">{index + 1}</span>
            <span className="what" title={by?.name}>
              {prompts[execution_id]?.prompt ?? "…"}
            </span>
            <button
              type="button"
              className="button bare icon"
              aria-label={told.edit(index + 1)}
              title={told.edit(index + 1)}
              disabled={prompts[execution_id] === undefined}
              onClick={() => void remove(execution_id, true)}
            >
              <Icon name="edit" />
            </button>
            <button
              type="button"
              className="button bare icon"
              aria-label={told.remove(index + 1)}
              title={told.remove(index + 1)}
              onClick={() => void remove(execution_id, false)}
            >
              <Icon name="remove" />
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** What waits, from what is loaded of the conversation; what stands further back there is asked for. */
function usePrompts(project: ProjectState, open: Conversation): Prompts {
  const server = useServer();
  const [found, setFound] = useState<Prompts>({});
  const known = { ...found, ...open.thread.prompts };
  const isMissing = open.isJoined && project.queued.some(({ execution_id }) => known[execution_id] === undefined);
  useEffect(() => {
    if (!isMissing) return;
    let isWanted = true;
    const asked = { types: ["client_message"], limit: LOOKED_THROUGH };
    server.ask("get_messages", project.id, asked).then((answer) => {
      if (!isWanted || answer === null) return;
      const prompts = (answer.messages as Entry[]).map((entry) => entry.message as unknown as ClientMessage);
      setFound(Object.fromEntries(prompts.map((prompt) => [prompt.execution_id, prompt])));
    });
    return () => {
      isWanted = false;
    };
  }, [server, project.id, isMissing]);
  return known;
}
