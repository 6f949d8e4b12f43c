/**
 * What this browser keeps for the time without a server, in IndexedDB: the projects and the newest events as last seen,
 * prompts that are not sent yet, drafts. No credential: that is a cookie which scripts cannot read.
 */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Entry, ProjectState } from "../protocol/generated";
import type { Unsent } from "../state/state";

interface Kept extends DBSchema {
  projects: { key: string; value: ProjectState };
  threads: { key: string; value: KeptThread };
  unsent: { key: string; value: Unsent };
  drafts: { key: string; value: string };
}

/** The newest events of a project, without a gap. */
export interface KeptThread {
  journalId: string;
  entries: readonly Entry[];
}

let opening: Promise<IDBPDatabase<Kept>> | undefined;

function shelf(): Promise<IDBPDatabase<Kept>> {
  opening ??= openDB<Kept>("pocketagent", 1, {
    upgrade(db) {
      db.createObjectStore("projects");
      db.createObjectStore("threads");
      db.createObjectStore("unsent");
      db.createObjectStore("drafts");
    },
  });
  return opening;
}

/** Do it if the browser lets us: in a private window there may be no storage, and the client works without. */
async function attempt<T>(what: (db: IDBPDatabase<Kept>) => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await what(await shelf());
  } catch (error) {
    if (error instanceof DOMException || error instanceof TypeError || error instanceof ReferenceError)
      return otherwise;
    throw error;
  }
}

export function keptProjects(): Promise<ProjectState[]> {
  return attempt((db) => db.getAll("projects"), []);
}

export function keepProjects(projects: readonly ProjectState[]): Promise<void> {
  return attempt(async (db) => {
    const change = db.transaction("projects", "readwrite");
    await change.store.clear();
    await Promise.all(projects.map((project) => change.store.put(project, project.id)));
    await change.done;
  }, undefined);
}

export function keptThread(id: string): Promise<KeptThread | undefined> {
  return attempt((db) => db.get("threads", id), undefined);
}

export function keepThread(id: string, thread: KeptThread): Promise<void> {
  return attempt(async (db) => void (await db.put("threads", thread, id)), undefined);
}

export function forgetThread(id: string): Promise<void> {
  return attempt((db) => db.delete("threads", id), undefined);
}

export function keptUnsent(): Promise<Unsent[]> {
  return attempt((db) => db.getAll("unsent"), []);
}

export function keepUnsent(prompt: Unsent): Promise<void> {
  return attempt(async (db) => void (await db.put("unsent", prompt, prompt.promptId)), undefined);
}

export function forgetUnsent(promptId: string): Promise<void> {
  return attempt((db) => db.delete("unsent", promptId), undefined);
}

export function keptDraft(id: string): Promise<string> {
  return attempt(async (db) => (await db.get("drafts", id)) ?? "", "");
}

export function keepDraft(id: string, words: string): Promise<void> {
  return attempt(
    async (db) => (words ? void (await db.put("drafts", words, id)) : await db.delete("drafts", id)),
    undefined,
  );
}

/** Forget everything: this device was signed out. */
export async function clear(): Promise<void> {
  await attempt(async (db) => {
    await Promise.all((["projects", "threads", "unsent", "drafts"] as const).map((name) => db.clear(name)));
  }, undefined);
}
