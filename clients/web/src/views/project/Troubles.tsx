import type { ProjectState } from "../../protocol/generated";
import type { Conversation } from "../../state/state";
import { Dismiss } from "./Dismiss";

/** What is wrong with a project, where its conversation does not tell: it cannot be read, or its failure is not loaded. */
export function Troubles({ project, open }: { project: ProjectState; open: Conversation | undefined }) {
  const { error } = project;
  const trouble = open?.trouble ?? "";
  const told = open?.thread.items.findLast((item) => item.kind === "failed");
  return (
    <>
      {trouble && (
        <p className="trouble" role="alert">
          {trouble}
        </p>
      )}
      {project.state === "ERROR" && error && open !== undefined && told?.message !== error.message && (
        <div className="trouble" role="alert">
          <span>{error.message}</span>
          <Dismiss projectId={project.id} />
        </div>
      )}
    </>
  );
}
