import { type FormEvent, useState } from "react";
import { useServer } from "../../context";
import { send } from "../../link/api";
import { canScan } from "../../link/camera";
import { type Brought, brought, nameOf } from "../../state/pairing";
import { forgetCode, go } from "../../state/route";
import { useKnown } from "../../state/store";
import { words } from "../../words";
import { useAttempt } from "../attempt";
import { Scan } from "./Scan";
import { Servers } from "./Servers";
import "../../styles/pairing.css";

/** For a browser that the server does not know: a code of `pocketagent pair` makes it a device. */
export function Pair({ code }: { code: string }) {
  const server = useServer();
  const worker = useKnown((state) => state.shell.worker);
  const [link, setLink] = useState("");
  const [name, setName] = useState(() => nameOf(navigator.userAgent));
  const [isScanning, setScanning] = useState(false);
  const { isBusy, problem, attempt } = useAttempt();
  const told = words.pair;
  const bring: Brought | null = code ? { code } : link.trim() ? brought(link, window.location.origin) : null;
  const ready = bring !== null && bring !== "unreadable" && "code" in bring ? bring.code : "";

  function pair(event: FormEvent) {
    event.preventDefault();
    if (!ready) return;
    void attempt(async () => {
      await send("POST", "/pair", { code: ready, name: name.trim(), cookie: true });
      forgetCode();
      server.again();
      if (worker === "refused") go("#/trust");
    });
  }

  return (
    <main className="sheet pair">
      <header>
        <img src="/icons/icon.svg" alt="" width="56" height="56" />
        <h1>{told.title}</h1>
      </header>
      {code ? (
        <p>{told.found}</p>
      ) : (
        <ol className="steps">
          <li>
            {told.explain} <code className="typed">{told.command}</code>
          </li>
          <li>{told.next}</li>
        </ol>
      )}
      <form className="form" onSubmit={pair}>
        {!code && (
          <>
            {canScan() && (
              <button type="button" className="button" onClick={() => setScanning(true)}>
                {told.scan}
              </button>
            )}
            <label className="field">
              {told.link}
              <input
                value={link}
                onChange={(event) => setLink(event.target.value)}
                autoComplete="off"
                spellCheck={false}
              />
            </label>
          </>
        )}
        <label className="field">
          {told.device}
          <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={64} />
        </label>
        <div role="alert">
          {bring === "unreadable" && <p className="problem">{told.unreadable}</p>}
          {bring !== null && bring !== "unreadable" && "elsewhere" in bring && (
            <p className="problem">
              {told.elsewhere} <a href={link.trim()}>{bring.elsewhere}</a>
            </p>
          )}
          {problem && <p className="problem">{problem.message}</p>}
        </div>
        <button className="button primary" type="submit" disabled={isBusy || !ready}>
          {isBusy ? told.pairing : told.pair}
        </button>
      </form>
      {worker === "refused" && (
        <p className="hint small">
          {words.status.certificate.off} {code ? told.later : <a href="#/trust">{words.status.certificate.mend}</a>}
        </p>
      )}
      {!code && <Servers />}
      {isScanning && (
        <Scan
          onClose={() => setScanning(false)}
          found={(text) => {
            setLink(text);
            setScanning(false);
          }}
        />
      )}
    </main>
  );
}
