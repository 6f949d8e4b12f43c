import { useEffect, useState } from "react";
import type { Image } from "../../state/findings";
import { words } from "../../words";

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

/** A picture, as an object of this page that is given back when it is gone. */
function Picture({ image }: { image: Image }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = objectUrl(image);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [image]);
  if (url === "") return <div className="picture" />;
  return (
    <a href={url} target="_blank" rel="noreferrer" className="picture">
      <img src={url} alt={words.conversation.picture} />
    </a>
  );
}

function objectUrl(image: Image): string {
  try {
    const bytes = Uint8Array.from(atob(image.data), (one) => one.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], { type: image.type }));
  } catch {
    return ""; // not base64: there is nothing to see
  }
}
