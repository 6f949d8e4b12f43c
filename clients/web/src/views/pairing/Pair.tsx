import { type FormEvent, useState } from "react";
import { useServer } from "../../context";
import { send } from "../../link/api";
import { forgetCode, routeOf } from "../../state/route";
import { words } from "../../words";

/** For a browser that the server does not know: a code of `pocketagent pair` makes it a device. */
export function Pair({ code }: { code: string }) {
  const server = useServer();
  const told = words.pair;
  const [link, setLink] = useState("");
  const [name, setName] = useState(nameOfThis);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);

  async function pair(event: FormEvent) {
    event.preventDefault();
    const found = code ? { code } : read(link);
    if ("problem" in found) {
      setProblem(found.problem);
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      await send("POST", "/pair", { code: found.code, name: name.trim(), cookie: true });
      forgetCode();
      await server.start();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="sheet pair">
      <h1>{told.title}</h1>
      {code ? (
        <p>{told.found}</p>
      ) : (
        <p>
          {told.explain} <code>{told.command}</code>
          <br />
          {told.next}
        </p>
      )}
      <form onSubmit={pair}>
        {!code && (
          <label className="field">
            {told.link}
            <input value={link} onChange={(event) => setLink(event.target.value)} required autoComplete="off" />
          </label>
        )}
        <label className="field">
          {told.device}
          <input value={name} onChange={(event) => setName(event.target.value)} required maxLength={64} />
        </label>
        {problem && <p className="problem">{problem}</p>}
        <button className="button primary" type="submit" disabled={isBusy}>
          {isBusy ? told.pairing : told.pair}
        </button>
      </form>
    </main>
  );
}

/** A pasted link or bare code -> the code; a link of another server is for another page. */
function read(pasted: string): { code: string } | { problem: string } {
  const text = pasted.trim();
  const route = routeOf(text.startsWith("pair_") ? `#pair=${text}` : (/#.*$/.exec(text)?.[0] ?? ""));
  if (route.page !== "pair") return { problem: words.pair.unreadable };
  if (URL.canParse(text)) {
    const { origin } = new URL(text);
    if (origin !== "null" && origin !== window.location.origin) return { problem: words.pair.elsewhere(origin) };
  }
  return { code: route.code };
}

/** What this device is called where nobody says more: its browser and its system. */
function nameOfThis(): string {
  const agent = navigator.userAgent;
  const browser = /Firefox|Edg|SamsungBrowser|Chrome|Safari/.exec(agent)?.[0] ?? "Browser";
  const system = /Android|iPhone|iPad|Mac OS X|Windows|Linux|CrOS/.exec(agent)?.[0];
  const shown = browser === "Edg" ? "Edge" : browser;
  return system === undefined ? shown : `${shown} on ${system === "Mac OS X" ? "Mac" : system}`;
}
