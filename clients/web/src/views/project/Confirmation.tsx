import { words } from "../../words";
import { Dialog } from "../Dialog";

/** Asks once more before something is done. */
export function Confirmation(of: {
  title: string;
  explain: string;
  action: string;
  isGrave: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={of.title} onClose={of.onClose}>
      <p>{of.explain}</p>
      <div className="buttons">
        <button type="button" className="button" onClick={of.onClose}>
          {words.cancel}
        </button>
        <button
          type="button"
          className={of.isGrave ? "button danger" : "button primary"}
          onClick={() => {
            of.onClose();
            of.onConfirm();
          }}
        >
          {of.action}
        </button>
      </div>
    </Dialog>
  );
}
