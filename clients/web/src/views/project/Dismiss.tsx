import { useServer } from "../../context";
import { words } from "../../words";

/** A person has seen why a project failed: it is at rest again. */
export function Dismiss({ projectId }: { projectId: string }) {
  const server = useServer();
  return (
    <button type="button" className="button bare" onClick={() => void server.ask("error_acknowledge", projectId)}>
      {words.project.dismiss}
    </button>
  );
}
