import { useRoute } from "../state/route";
import { useKnown } from "../state/store";
import { words } from "../words";
import "../styles/app.css";
import { ConnectionStrip } from "./ConnectionStrip";
import { Pair } from "./Pair";
import { ProjectList } from "./ProjectList";
import { ProjectPage } from "./ProjectPage";
import { Toast } from "./Toast";

export function App() {
  const route = useRoute();
  const isOut = useKnown((state) => state.connection.is === "out");
  if (route.page === "pair" || isOut) return <Pair code={route.page === "pair" ? route.code : ""} />;
  return (
    <div className={route.page === "projects" ? "app at-list" : "app"}>
      <nav className="side" aria-label={words.projects.title}>
        <ProjectList current={route.page === "project" ? route.id : ""} />
      </nav>
      <main className="page">
        <ConnectionStrip />
        {route.page === "project" && <ProjectPage key={route.id} id={route.id} />}
      </main>
      <Toast />
    </div>
  );
}
