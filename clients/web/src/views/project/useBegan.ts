import { useEffect, useState } from "react";
import { useServer } from "../../context";
import type { Entry, ProjectState } from "../../protocol/generated";
import { beganOf } from "../../state/began";
import type { Conversation } from "../../state/state";

/** States of a project that are looked through for the beginning of what runs. */
const LOOKED_THROUGH = 50;

/** When what runs in a project began, RFC 3339; where that stands further back than what is loaded, it is asked for. */
export function useBegan(project: ProjectState, open: Conversation | undefined): string | null {
  const server = useServer();
  const [found, setFound] = useState<{ execution: string; began: string | null } | null>(null);
  const { id, execution_id: execution } = project;
  const carry = open?.thread.carry;
  const known = execution !== null && carry?.executionId === execution ? carry.began : null;
  const isMissing = known === null && open?.isJoined === true && found?.execution !== execution;
  useEffect(() => {
    if (execution === null || !isMissing) return;
    server.ask("get_messages", id, { types: ["project_state"], limit: LOOKED_THROUGH }).then((answer) => {
      if (answer !== null) setFound({ execution, began: beganOf(answer.messages as Entry[], execution) });
    });
  }, [server, id, execution, isMissing]);
  return known ?? (found !== null && found.execution === execution ? found.began : null);
}
