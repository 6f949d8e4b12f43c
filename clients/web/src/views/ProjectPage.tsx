import { lazy, Suspense, useEffect, useState } from "react";
import { useServer } from "../context";
import { may } from "../state/device";
import { useKnown } from "../state/store";
import { words } from "../words";
import "../styles/project.css";
import { Composer, type Wish } from "./composer/Composer";
import { Conversation } from "./conversation/Conversation";
import { PageBar } from "./PageBar";
import { Permissions } from "./permissions/Permissions";
import { Confirmation } from "./project/Confirmation";
import { ProjectHeader } from "./project/ProjectHeader";
import { Troubles } from "./project/Troubles";
import { TrustBanner } from "./project/TrustBanner";
import { useAgent } from "./project/useAgent";
import { useStopping } from "./project/useStopping";
import { useSearching } from "./search/useSearching";
import { useTwice } from "./shortcuts/useTwice";

const SearchPanel = lazy(async () => ({ default: (await import("./search/SearchPanel")).SearchPanel }));

/** One project: what was said, what is asked, and where one answers. `at`: an event that is to be seen. */
export function ProjectPage({ id, at }: { id: string; at: number | null }) {
  const server = useServer();
  const project = useKnown((state) => state.projects[id]);
  const open = useKnown((state) => state.conversations[id]);
  // As long as there is no connection nobody knows, and nothing is to jump.
  const mayExecute = useKnown((state) => state.connection.is !== "online" || may(state, "execute"));
  const [asking, ask] = useState<keyof typeof REQUESTS | null>(null);
  const [isSearching, search] = useSearching();
  const stopping = useStopping(project);
  useTwice("Escape", stopping.interrupt);
  useAgent(project, open);
  useEffect(() => {
    void server.open(id);
    return () => server.hide(id);
  }, [server, id]);

  function wish(what: Wish) {
    if (what === "search") search(true);
    else ask(what);
  }

  if (project === undefined) return <PageBar title=" " />;
  return (
    <>
      <ProjectHeader
        project={project}
        open={open}
        mayExecute={mayExecute}
        onWish={wish}
        onSearch={() => search(!isSearching)}
      />
      {isSearching && (
        <Suspense>
          <SearchPanel id={id} at={at} close={() => search(false)} />
        </Suspense>
      )}
      <TrustBanner project={project} />
      <Troubles project={project} open={open} />
      {open && <Conversation id={id} open={open} at={at} />}
      {open && <Permissions project={project} open={open} />}
      {open && <Composer project={project} open={open} stopping={stopping} onWish={wish} />}
      {asking && (
        <Confirmation
          {...words.wishes[asking]}
          isGrave={asking === "kill"}
          onConfirm={() => void server.ask(REQUESTS[asking], id)}
          onClose={() => ask(null)}
        />
      )}
    </>
  );
}

/** What is asked about first, and what is then asked of the server. */
const REQUESTS = { new: "agent_new_session", kill: "agent_kill" } as const;
