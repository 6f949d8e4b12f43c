import { lazy, Suspense, useEffect, useRef } from "react";
import { type Route, useRoute } from "../state/route";
import { useKnown } from "../state/store";
import { words } from "../words";
import "../styles/app.css";
import { Broken } from "./Broken";
import { ConnectionStrip } from "./ConnectionStrip";
import { NewerStrip } from "./NewerStrip";
import { useNarrow } from "./narrow";
import { PageBar } from "./PageBar";
import { ProjectList } from "./projects/ProjectList";
import { SideBar } from "./SideBar";
import { useSeen } from "./seen";
import { Shortcuts } from "./shortcuts/Shortcuts";
import { useSigns } from "./signs";
import { Toast } from "./Toast";
import { Welcome } from "./Welcome";

const loadProject = () => import("./ProjectPage");
const ProjectPage = lazy(async () => ({ default: (await loadProject()).ProjectPage }));
const Pair = lazy(async () => ({ default: (await import("./pairing/Pair")).Pair }));
const TrustPage = lazy(async () => ({ default: (await import("./pairing/TrustPage")).TrustPage }));
const StatusPage = lazy(async () => ({ default: (await import("./status/StatusPage")).StatusPage }));
const NewProject = lazy(async () => ({ default: (await import("./projects/NewProject")).NewProject }));

/** Seconds after which what a project needs is loaded, so that the first one that is opened is there at once. */
const AHEAD = 1;

/** The list beside the page on a wide screen; on a phone one of both. */
export function App() {
  const route = useRoute();
  const isOut = useKnown((state) => state.connection.is === "out");
  const isNarrow = useNarrow();
  const main = useRef<HTMLElement>(null);
  const current = route.page === "project" ? route.id : "";
  useSigns(current);
  useSeen(current);
  useFocus(route, main);
  useEffect(() => {
    const timer = setTimeout(() => void loadProject().catch(() => undefined), AHEAD * 1000);
    return () => clearTimeout(timer);
  }, []);
  if (route.page === "pair" || isOut) return <Outside route={route} />;
  const isAtList = route.page === "projects";
  return (
    <div className="app">
      {!isNarrow && (
        <button type="button" className="button skip" onClick={() => main.current?.focus()}>
          {words.skip}
        </button>
      )}
      {(isAtList || !isNarrow) && (
        <SideBar isAlone={isNarrow}>
          <ProjectList current={current} />
        </SideBar>
      )}
      {!(isAtList && isNarrow) && (
        <main className="page" ref={main} tabIndex={-1}>
          <Broken key={pageOf(route)}>
            <Suspense fallback={<PageBar title=" " />}>
              <Page route={route} />
            </Suspense>
          </Broken>
        </main>
      )}
      <div className="strips">
        <ConnectionStrip />
        <NewerStrip />
      </div>
      <Toast />
      <Shortcuts />
    </div>
  );
}

/** What a browser sees that is no device of the server. */
function Outside({ route }: { route: Route }) {
  return (
    <Broken>
      <Suspense>
        {route.page === "trust" ? (
          <main className="page outside">
            <TrustPage />
          </main>
        ) : (
          <Pair code={route.page === "pair" ? route.code : ""} />
        )}
      </Suspense>
    </Broken>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case "project":
      return <ProjectPage key={route.id} id={route.id} at={route.at} />;
    case "new":
      return <NewProject path={route.path} />;
    case "trust":
      return <TrustPage />;
    case "status":
      return <StatusPage />;
    default:
      return <Welcome />;
  }
}

/** A word for the page that a route leads to: another word, another page. */
function pageOf(route: Route): string {
  return route.page === "project" ? `project ${route.id}` : route.page;
}

/**
 * Whoever comes to another page by keyboard or screen reader goes on there, unless the page has said where; back in the list,
 * at the project that was left.
 */
function useFocus(route: Route, main: { current: HTMLElement | null }): void {
  const page = pageOf(route);
  const before = useRef(page);
  useEffect(() => {
    if (before.current === page) return;
    const left = before.current.replace("project ", "#/projects/");
    before.current = page;
    if (main.current?.contains(document.activeElement)) return;
    const row = page === "projects" ? document.querySelector<HTMLElement>(`.projects a[href="${left}"]`) : null;
    (row ?? main.current)?.focus({ preventScroll: true });
  }, [page, main]);
}
