import { useState } from "react";
import { useServer } from "../../context";
import type { ProjectState } from "../../protocol/generated";
import { words } from "../../words";

/** How the wish to stop what runs stands: not said, said, or not confirmed by the agent, so that killing it may be next. */
export type Standing = "none" | "asked" | "unconfirmed";

export interface Stopping {
  standing: Standing;
  interrupt: () => void;
}

/** Interrupts what runs in a project, and knows what came of it. */
export function useStopping(project: ProjectState | undefined): Stopping {
  const server = useServer();
  const [wish, setWish] = useState<{ execution: string; standing: Standing } | null>(null);
  const execution = project?.execution_id ?? null;
  const standing = wish !== null && wish.execution === execution ? wish.standing : "none";

  async function interrupt() {
    if (project === undefined || execution === null || standing === "asked") return;
    setWish({ execution, standing: "asked" });
    const answer = await server.ask("agent_interrupt", project.id);
    const isUnsure = answer !== null && answer.confirmed !== true;
    if (isUnsure) server.say(words.composer.unconfirmed);
    setWish(isUnsure ? { execution, standing: "unconfirmed" } : null);
  }

  return { standing, interrupt: () => void interrupt() };
}
