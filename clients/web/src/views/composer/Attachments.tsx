import { useServer } from "../../context";
import { attachmentPath, BASE, send } from "../../link/api";
import type { Attached } from "../../protocol/generated";
import { isPicture } from "../../state/attaching";
import type { Draft } from "../../state/prompts";
import { words } from "../../words";
import { Icon } from "../Icon";
import type { Upload } from "./useAttaching";

/** What goes with the prompt: files that are there, on their way, or cannot be. */
export function Attachments(of: {
  projectId: string;
  draft: Draft;
  sending: readonly Upload[];
  drop: (key: number) => void;
}) {
  const server = useServer();
  const { projectId, draft } = of;
  if (draft.attachments.length === 0 && of.sending.length === 0) return null;

  function remove(gone: Attached) {
    server.draft(projectId, { ...draft, attachments: draft.attachments.filter((one) => one.id !== gone.id) });
    // Whether the server forgets it now or with age is the same to the person.
    send("DELETE", attachmentPath(projectId, gone.id)).catch(() => undefined);
  }

  return (
    <ul className="attachments" aria-label={words.attaching.title}>
      {draft.attachments.map((one) => (
        <li key={one.id} className="attachment">
          {isPicture(one.media_type) ? (
            <img src={BASE + attachmentPath(projectId, one.id)} alt="" />
          ) : (
            <Icon name="file" />
          )}
          <span className="what">{one.name}</span>
          <Remove name={one.name} onRemove={() => remove(one)} />
        </li>
      ))}
      {of.sending.map((one) => (
        <li key={one.key} className="attachment">
          {one.problem ? (
            <span className="what" role="alert">
              <span className="problem">{one.name}:</span> {one.problem}
            </span>
          ) : (
            <>
              <progress value={one.share} aria-label={words.attaching.sending(one.name)} />
              <span className="what">{one.name}</span>
            </>
          )}
          <Remove
            name={one.name}
            onRemove={() => {
              one.stop.abort();
              of.drop(one.key);
            }}
          />
        </li>
      ))}
    </ul>
  );
}

function Remove({ name, onRemove }: { name: string; onRemove: () => void }) {
  return (
    <button type="button" className="button bare icon" aria-label={words.attaching.remove(name)} onClick={onRemove}>
      <Icon name="remove" />
    </button>
  );
}
