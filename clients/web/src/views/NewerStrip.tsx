import { takeNewer } from "../link/worker";
import { useKnown } from "../state/store";
import { words } from "../words";

/** Says that a newer build of the client is there; it begins when the person wants it. */
export function NewerStrip() {
  const hasNewer = useKnown((state) => state.shell.hasNewer);
  return (
    <div role="status">
      {hasNewer && (
        <p className="strip">
          {words.newer}
          <button type="button" className="button bare" onClick={takeNewer}>
            {words.reload}
          </button>
        </p>
      )}
    </div>
  );
}
