import { useEffect } from "react";
import { useServer } from "../../context";
import type { ProjectState } from "../../protocol/generated";
import type { Conversation } from "../../state/state";

/**
 * Asks what the agent's process says of itself: after each turn how full its context is; its commands and models, which are
 * many words, until they are known.
 */
export function useAgent(project: ProjectState | undefined, open: Conversation | undefined): void {
  const server = useServer();
  const id = project?.id;
  const isQuiet = open?.isJoined === true && project?.execution_id === null;
  const isKnown = Boolean(open?.agent?.commands);
  useEffect(() => {
    if (id === undefined || !isQuiet) return;
    void server.ask("agent_context", id);
  }, [server, id, isQuiet]);
  useEffect(() => {
    if (id === undefined || !isQuiet || isKnown) return;
    void server.ask("agent_info", id);
  }, [server, id, isQuiet, isKnown]);
}
