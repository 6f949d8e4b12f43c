import { useContext, useMemo } from "react";
import type { Image } from "../../state/findings";
import { words } from "../../words";
import { ShowContext, useObjectUrl } from "./showing";

/** The pictures that a tool has returned. */
export function Pictures({ images }: { images: readonly Image[] }) {
  return (
    <div className="pictures">
      {images.map((image, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pictures have no names
        <Picture key={index} image={image} />
      ))}
    </div>
  );
}

/** A picture; pressed, it is shown large. */
function Picture({ image }: { image: Image }) {
  const show = useContext(ShowContext);
  const blob = useMemo(() => blobOf(image), [image]);
  const url = useObjectUrl(blob);
  if (blob === null) return null;
  return (
    <button
      type="button"
      className="picture"
      onClick={() => show({ name: words.conversation.pictureName(image.type), blob })}
    >
      {url && <img src={url} alt={words.conversation.picture} />}
    </button>
  );
}

function blobOf(image: Image): Blob | null {
  try {
    return new Blob([Uint8Array.from(atob(image.data), (one) => one.charCodeAt(0))], { type: image.type });
  } catch {
    return null; // not base64: there is nothing to see
  }
}
