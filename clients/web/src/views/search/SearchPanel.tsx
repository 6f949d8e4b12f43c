import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Hit } from "../../protocol/generated";
import { harmless } from "../../state/harmless";
import { go } from "../../state/route";
import { words } from "../../words";
import "../../styles/search.css";
import { onEscape } from "../escape";
import { useHighlight } from "./useHighlight";
import { useSearch } from "./useSearch";

/** Searches a conversation: the hits stand above it, the newest first, and each leads to its place. */
export function SearchPanel(props: { id: string; at: number | null; close: () => void }) {
  const { id, at, close } = props;
  const told = words.search;
  const [query, setQuery] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const { hits, searchedTo, hasMore, isBusy, problem, more } = useSearch(id, query);
  useHighlight(query.trim(), at);
  useEffect(() => field.current?.focus(), []);

  const now = hits.findIndex((hit) => hit.seq === at);
  const open = (hit: Hit | undefined) => hit !== undefined && go(linkTo(id, hit));

  function pressed(event: KeyboardEvent) {
    if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      open(event.shiftKey ? hits[Math.max(0, now - 1)] : hits[now + 1]);
    }
  }

  return (
    <search className="search" onKeyDown={(event) => onEscape(event, close)}>
      <div className="ask">
        <input
          ref={field}
          type="search"
          aria-label={told.label}
          placeholder={told.label}
          value={query}
          autoComplete="off"
          maxLength={256}
          enterKeyHint="search"
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={pressed}
        />
        <button type="button" className="button bare icon" aria-label={words.close} onClick={close}>
          ✕
        </button>
      </div>
      <p className="small faint found" role="status">
        {problem || (isBusy ? told.searching : searchedTo !== null && told.found(hits.length, hasMore))}
      </p>
      {hits.length > 0 && (
        <ol className="hits">
          {hits.map((hit) => (
            <li key={hit.seq}>
              <a href={linkTo(id, hit)} aria-current={hit.seq === at ? "location" : undefined}>
                <span className="small faint">
                  {told.by(hit.type, hit.direction)} · <time dateTime={hit.timestamp}>{told.when(hit.timestamp)}</time>
                </span>
                <Snippet text={harmless(hit.snippet)} query={query.trim()} />
              </a>
            </li>
          ))}
        </ol>
      )}
      {hasMore && (
        <button type="button" className="button bare" disabled={isBusy} onClick={more}>
          {told.further}
        </button>
      )}
    </search>
  );
}

function linkTo(id: string, hit: Hit): string {
  return `#/projects/${id}/${hit.seq}`;
}

/** The words around a hit, with what was looked for marked. */
function Snippet({ text, query }: { text: string; query: string }) {
  const at = query === "" ? -1 : text.toLowerCase().indexOf(query.toLowerCase());
  if (at < 0) return <span className="snippet">{text}</span>;
  return (
    <span className="snippet">
      {text.slice(0, at)}
      <mark>{text.slice(at, at + query.length)}</mark>
      {text.slice(at + query.length)}
    </span>
  );
}
