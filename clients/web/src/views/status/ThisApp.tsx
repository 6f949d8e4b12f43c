import { useState } from "react";
import { useServer } from "../../context";
import { install, isInstalled } from "../../link/installation";
import { signOut } from "../../link/signout";
import { chooseTheme, keptTheme, THEMES } from "../../link/theme";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { useAttempt } from "../attempt";
import { Dialog } from "../Dialog";
import { Servers } from "../pairing/Servers";
import { Card } from "./Card";
import { Choose } from "./Choose";

/** The client itself in this browser: its look, installing it, other servers, leaving. */
export function ThisApp() {
  const server = useServer();
  const { canInstall, worker } = useKnown((state) => state.shell);
  const [theme, setTheme] = useState(keptTheme);
  const [isLeaving, setLeaving] = useState(false);
  const { isBusy, problem, attempt } = useAttempt();
  const told = words.status.app;
  return (
    <Card title={told.title}>
      <Choose
        label={told.theme}
        from={THEMES}
        chosen={theme}
        choose={(one) => {
          setTheme(one);
          chooseTheme(one);
        }}
        say={(one) => told.themes[one]}
      />
      {canInstall && (
        <button type="button" className="button" onClick={() => void install()}>
          {told.install}
        </button>
      )}
      {!canInstall && !isInstalled() && worker === "ready" && <p className="faint small">{told.installHow}</p>}
      {worker === "ready" && (
        <a className="small" href="#/trust">
          {words.status.certificate.more}
        </a>
      )}
      <Servers />
      <button type="button" className="button danger" onClick={() => setLeaving(true)}>
        {told.signOut}
      </button>
      {isLeaving && (
        <Dialog title={told.signOut} onClose={() => setLeaving(false)}>
          <p>{told.signOutExplain}</p>
          {problem && <p className="problem">{problem.message}</p>}
          <div className="buttons">
            <button type="button" className="button" onClick={() => setLeaving(false)}>
              {words.cancel}
            </button>
            <button
              type="button"
              className="button danger"
              disabled={isBusy}
              onClick={() => void attempt(() => signOut(server))}
            >
              {told.signOut}
            </button>
          </div>
        </Dialog>
      )}
    </Card>
  );
}
