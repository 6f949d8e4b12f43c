import { useContext, useEffect, useState } from "react";
import { attachmentPath, BASE } from "../../link/api";
import { picture, pictureHere } from "../../link/pictures";
import type { Attached } from "../../protocol/generated";
import { Refused } from "../../protocol/messages";
import { isPicture } from "../../state/attaching";
import { harmless } from "../../state/harmless";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { Icon } from "../Icon";
import { ShowContext, useObjectUrl } from "./showing";

/** What was attached to a prompt: pictures are seen, other files can be saved. */
export function AttachedFiles({ projectId, attached }: { projectId: string; attached: readonly Attached[] }) {
  if (attached.length === 0) return null;
  return (
    <ul className="attached" aria-label={words.attaching.title}>
      {attached.map((one) => {
        const path = attachmentPath(projectId, one.id);
        return (
          <li key={one.id}>
            {isPicture(one.media_type) ? <Thumbnail path={path} one={one} /> : <AttachedFile path={path} one={one} />}
          </li>
        );
      })}
    </ul>
  );
}

/** A file with its kind and size: a link that saves it. */
function AttachedFile({ path, one }: { path: string; one: Attached }) {
  const name = harmless(one.name);
  return (
    <a className="file" href={BASE + path} download={name}>
      <Icon name="file" />
      <span>
        <span className="hidden-label">{words.save} </span>
        {name}
        <span className="faint small">{words.attaching.kind(one.media_type, one.size)}</span>
      </span>
    </a>
  );
}

/** A picture, in a place whose size is known before it is there; pressed, it is shown large. */
function Thumbnail({ path, one }: { path: string; one: Attached }) {
  const show = useContext(ShowContext);
  const { blob, why } = usePicture(path);
  const [isBroken, setBroken] = useState(false);
  const url = useObjectUrl(blob);
  const name = harmless(one.name);
  if (why === "none" || isBroken) return <AttachedFile path={path} one={one} />;
  if (blob === null) {
    return (
      <span className="thumbnail small faint">
        {name}
        {why === "gone" && <span>{words.attaching.gone}</span>}
      </span>
    );
  }
  return (
    <button type="button" className="thumbnail" title={name} onClick={() => show({ name, blob })}>
      {url && <img src={url} alt={words.attaching.show(name)} onError={() => setBroken(true)} />}
    </button>
  );
}

/** A picture as soon as it is here. `gone`: the server has it no more; `none`: it is none that can be shown. */
function usePicture(path: string): { blob: Blob | null; why: "" | "gone" | "none" } {
  const isOnline = useKnown((state) => state.connection.is === "online");
  const [found, setFound] = useState<{ blob: Blob | null; why: "" | "gone" | "none" }>(() => ({
    blob: pictureHere(path),
    why: "",
  }));
  const isMissing = found.blob === null && found.why === "";
  useEffect(() => {
    if (!isMissing || !isOnline) return;
    let isWanted = true;
    picture(path).then(
      (blob) => isWanted && setFound({ blob, why: blob === null ? "none" : "" }),
      // Whoever could not be reached is asked when there is a connection again.
      (error) => isWanted && error instanceof Refused && setFound({ blob: null, why: "gone" }),
    );
    return () => {
      isWanted = false;
    };
  }, [path, isMissing, isOnline]);
  return found;
}
