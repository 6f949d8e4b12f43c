import { type FormEvent, useState } from "react";
import { forgetServer, keepServer, knownServers, MOST, originOf } from "../../link/servers";
import { words } from "../../words";
import { Dialog } from "../Dialog";
import "../../styles/pairing.css";

/** Other servers, each a page of its own; added by an address or a link of `pocketagent pair`. */
export function Servers() {
  const [servers, setServers] = useState(knownServers);
  const [isAdding, setAdding] = useState(false);
  const told = words.servers;
  return (
    <div className="servers">
      <h2>{told.title}</h2>
      <ul>
        {servers.map(({ origin, name }) => (
          <li key={origin}>
            <a href={`${origin}/`} rel="noreferrer">
              {name || new URL(origin).host}
            </a>
            <button
              type="button"
              className="button bare small"
              aria-label={told.forget(name || origin)}
              onClick={() => {
                forgetServer(origin);
                setServers(knownServers());
              }}
            >
              {told.remove}
            </button>
          </li>
        ))}
      </ul>
      {servers.length < MOST && (
        <button type="button" className="button" onClick={() => setAdding(true)}>
          {told.add}
        </button>
      )}
      {isAdding && (
        <AddServer
          onClose={() => {
            setAdding(false);
            setServers(knownServers());
          }}
        />
      )}
    </div>
  );
}

function AddServer({ onClose }: { onClose: () => void }) {
  const [link, setLink] = useState("");
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const told = words.servers;

  /** A pairing link is opened whole, there: its code is for that server. */
  function add(event: FormEvent) {
    event.preventDefault();
    const origin = originOf(link.trim());
    if (origin === "" || origin === window.location.origin) {
      setProblem(origin === "" ? told.unreadable : told.same);
      return;
    }
    keepServer({ origin, name: name.trim() });
    if (link.includes("#pair=")) window.location.assign(link.trim());
    else onClose();
  }

  return (
    <Dialog title={told.add} onClose={onClose}>
      <form className="form" onSubmit={add}>
        <p className="small">{told.explain}</p>
        <label className="field">
          {told.link}
          <input value={link} onChange={(event) => setLink(event.target.value)} required autoComplete="off" />
        </label>
        <label className="field">
          {words.projects.name}
          <input value={name} onChange={(event) => setName(event.target.value)} maxLength={64} />
        </label>
        {problem && <p className="problem">{problem}</p>}
        <div className="buttons">
          <button type="button" className="button" onClick={onClose}>
            {words.cancel}
          </button>
          <button type="submit" className="button primary">
            {told.add}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
