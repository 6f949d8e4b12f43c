import { useEffect } from "react";
import { useServer } from "../../context";
import type { ProjectState } from "../../protocol/generated";
import type { Conversation } from "../../state/state";

/** Asks what the agent's process says of itself when a project was joined and after each turn: commands, context, cost. */
export function useAgent(project: ProjectState | undefined, open: Conversation | undefined): void {
  const server = useServer();
  const id = project?.id;
  const isQuiet = open?.isJoined === true && project?.execution_id === null;
  useEffect(() => {
    if (id === undefined || !isQuiet) return;
    void server.ask("agent_context", id);
    void server.ask("agent_info", id);
  }, [server, id, isQuiet]);
}
