import { useEffect, useEffectEvent, useRef, useState } from "react";
import { scan } from "../../link/camera";
import { words } from "../../words";
import { Dialog } from "../Dialog";

/** The camera's picture, until a code is seen in it. */
export function Scan({ found, onClose }: { found: (text: string) => void; onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState("");
  const seen = useEffectEvent(found);

  useEffect(() => {
    if (video.current === null) return;
    let isOver = false;
    let end: (() => void) | undefined;
    scan(video.current, (text) => isOver || seen(text)).then(
      (ends) => {
        end = ends;
        if (isOver) ends();
      },
      (error) => setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isOver = true;
      end?.();
    };
  }, []);

  return (
    <Dialog title={words.pair.scan} onClose={onClose}>
      {problem ? <p className="problem">{problem}</p> : <video ref={video} className="camera" muted playsInline />}
      <button type="button" className="button" onClick={onClose}>
        {words.cancel}
      </button>
    </Dialog>
  );
}
