import { words } from "../../words";
import { Dialog } from "../Dialog";
import { type Shown, useObjectUrl } from "./showing";

/** A picture as large as the window lets it be; it can be saved, or seen by itself, where it can be enlarged. */
export function LargePicture({ picture, onClose }: { picture: Shown; onClose: () => void }) {
  const url = useObjectUrl(picture.blob);
  return (
    <Dialog title={picture.name} isLarge onClose={onClose}>
      {url && <img src={url} alt={picture.name} />}
      <div className="buttons">
        <a className="button bare" href={url} target="_blank" rel="noreferrer">
          {words.conversation.fullSize}
        </a>
        <a className="button" href={url} download={picture.name}>
          {words.save}
        </a>
        <button type="button" className="button primary" onClick={onClose}>
          {words.close}
        </button>
      </div>
    </Dialog>
  );
}
