import { useEffect, useRef, useState } from "react";
import { useServer } from "../../context";
import { upload } from "../../link/api";
import { shrunk } from "../../link/shrinking";
import type { Attached, Attachment } from "../../protocol/generated";
import { MAX_SIZE, mediaTypeOf, surplus } from "../../state/attaching";
import { useKnown } from "../../state/store";
import { words } from "../../words";

/** A file on its way to the server: `share` of it, 0 to 1, is there; or why it will not be. */
export interface Upload {
  key: number;
  name: string;
  size: number;
  share: number;
  problem: string;
  stop: AbortController;
}

let uploads = 0;

/** Sends files to a project and puts them into its draft. What is on its way when the project is left is stopped. */
export function useAttaching(id: string, attached: readonly Attached[]) {
  const server = useServer();
  const limit = useKnown((state) => limitOf(state.connection));
  const [sending, setSending] = useState<readonly Upload[]>([]);
  const latest = useRef<readonly Upload[]>([]);

  function change(how: (before: readonly Upload[]) => readonly Upload[]) {
    latest.current = how(latest.current);
    setSending(latest.current);
  }

  useEffect(
    () => () => {
      for (const one of latest.current) one.stop.abort();
    },
    [],
  );

  async function add(files: Iterable<File>) {
    const present = [...attached, ...latest.current.filter((one) => !one.problem)];
    for (const given of files) {
      const file = await shrunk(given, limit ?? MAX_SIZE);
      const type = await mediaTypeOf(file);
      const name = file.name || words.attaching.pasted;
      const problem = problemOf(type, surplus(present, file.size, limit ?? MAX_SIZE));
      const one: Upload = { key: ++uploads, name, size: file.size, share: 0, problem, stop: new AbortController() };
      change((before) => [...before, one]);
      if (problem || type === null) continue;
      present.push(one);
      void send(one, file, type);
    }
  }

  /** Why a file is not sent, for a person; nothing where it is. */
  function problemOf(type: string | null, why: ReturnType<typeof surplus>): string {
    const told = words.attaching;
    if (limit === null) return told.offline;
    if (type === null) return told.type;
    if (why === null) return "";
    return why === "size" ? told.size(limit / 2 ** 20) : told[why];
  }

  async function send(one: Upload, file: File, type: string) {
    const set = (more: Partial<Upload>) =>
      change((before) => before.map((other) => (other.key === one.key ? { ...other, ...more } : other)));
    const headers = { "content-type": type, "attachment-name": encodeURIComponent(one.name.slice(0, 200)) };
    try {
      const path = `/projects/${id}/attachments`;
      const made = await upload<Attachment>(path, file, headers, (share) => set({ share }), one.stop.signal);
      const { media_type, name, size } = made;
      server.putBack(id, { text: "", attachments: [{ id: made.id, name, media_type, size }] });
      drop(one.key);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") drop(one.key);
      else set({ problem: error instanceof Error ? error.message : String(error) });
    }
  }

  function drop(key: number) {
    change((before) => before.filter((one) => one.key !== key));
  }

  /** Forget what could not be attached: the person has seen it. */
  function tidy() {
    change((before) => before.filter((one) => !one.problem));
  }

  return { sending, add, drop, tidy };
}

/** Bytes that the server takes of one; null without a connection: nothing can be attached then. */
function limitOf(connection: { is: string; established?: { limits: Record<string, number> } }): number | null {
  if (connection.is !== "online") return null;
  return connection.established?.limits.attachment_size ?? MAX_SIZE;
}
