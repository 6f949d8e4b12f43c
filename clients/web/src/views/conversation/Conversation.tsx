import { useEffect, useState } from "react";
import { useServer } from "../../context";
import { go } from "../../state/route";
import type { Conversation as Open } from "../../state/state";
import { useKnown } from "../../state/store";
import "../../styles/conversation.css";
import "../../styles/markdown.css";
import { FoldingContext } from "./folding";
import { LargePicture } from "./LargePicture";
import { ShowContext, type Shown } from "./showing";
import { Window } from "./Window";

/** What was said in a project: its end, or where an event stands that is to be seen. */
export function Conversation({ id, open, at }: { id: string; open: Open; at: number | null }) {
  const server = useServer();
  const [folding] = useState(() => new Map<string, boolean>());
  const [shown, show] = useState<Shown | null>(null);
  const isThere = useThere(id, open, at);
  return (
    <FoldingContext value={folding}>
      <ShowContext value={show}>
        <Window
          key={isThere ? at : "end"}
          id={id}
          open={open}
          at={isThere ? at : null}
          leave={() => {
            server.passages.leave(id);
            go(`#/projects/${id}`);
          }}
        />
      </ShowContext>
      {shown && <LargePicture picture={shown} onClose={() => show(null)} />}
    </FoldingContext>
  );
}

/** Whether the event that is to be seen is loaded; it is asked for, once. */
function useThere(id: string, open: Open, at: number | null): boolean {
  const server = useServer();
  const isOnline = useKnown((state) => state.connection.is === "online");
  const [there, setThere] = useState<number | null>(null);
  const isReady = isOnline ? open.isJoined : open.thread.last > 0;
  useEffect(() => {
    if (at === null) {
      server.passages.leave(id);
      setThere(null);
    } else if (isReady && at !== there) {
      let isGone = false;
      void server.passages.see(id, at).then((isLoaded) => {
        if (isLoaded && !isGone) setThere(at);
      });
      return () => {
        isGone = true;
      };
    }
    return undefined;
  }, [server, id, at, there, isReady]);
  return at !== null && at === there;
}
