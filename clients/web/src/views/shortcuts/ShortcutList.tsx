import { words } from "../../words";
import { Dialog } from "../Dialog";

/** Which keys do what. */
export function ShortcutList({ onClose }: { onClose: () => void }) {
  const told = words.shortcuts;
  return (
    <Dialog title={told.title} onClose={onClose}>
      <dl className="shortcuts">
        {told.all.map(({ keys, does }) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div className="buttons">
        <button type="button" className="button" onClick={onClose}>
          {words.close}
        </button>
      </div>
    </Dialog>
  );
}
