/**
 * What this browser keeps for the time without a server, in IndexedDB: the projects and the newest events as last seen,
 * prompts that are not sent yet, drafts. No credential: that is a cookie which scripts cannot read.
 */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Entry, ProjectState } from "../protocol/generated";
import type { Draft, Unsent } from "../state/prompts";

interface Kept extends DBSchema {
  projects: { key: string; value: ProjectState };
  threads: { key: string; value: KeptThread };
  unsent: { key: string; value: Unsent };
  drafts: { key: string; value: Draft };
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

/** Whether it is kept now. */
export function keepUnsent(prompt: Unsent): Promise<boolean> {
  return attempt(async (db) => {
    await db.put("unsent", prompt, prompt.promptId);
    return true;
  }, false);
}

export function forgetUnsent(promptId: string): Promise<void> {
  return attempt((db) => db.delete("unsent", promptId), undefined);
}

/** Whether a prompt that was kept is there no more. */
export function isForgotten(promptId: string): Promise<boolean> {
  return attempt(async (db) => (await db.getKey("unsent", promptId)) === undefined, false);
}

export function keptDraft(id: string): Promise<Draft | undefined> {
  return attempt((db) => db.get("drafts", id), undefined);
}

export function keepDraft(id: string, draft: Draft): Promise<void> {
  const isBlank = draft.text === "" && draft.attachments.length === 0;
  return attempt(
    async (db) => (isBlank ? await db.delete("drafts", id) : void (await db.put("drafts", draft, id))),
    undefined,
  );
}

/** Forget what belongs to no project that there is. */
export function forgetOthers(ids: readonly string[]): Promise<void> {
  const isGone = (id: string) => !ids.includes(id);
  return attempt(async (db) => {
    for (const name of ["threads", "drafts"] as const) {
      for (const id of (await db.getAllKeys(name)).filter(isGone)) await db.delete(name, id);
    }
    for (const prompt of await db.getAll("unsent"))
      if (isGone(prompt.projectId)) await db.delete("unsent", prompt.promptId);
  }, undefined);
}

/** Forget everything: this device was signed out. */
export async function clear(): Promise<void> {
  await attempt(async (db) => {
    await Promise.all((["projects", "threads", "unsent", "drafts"] as const).map((name) => db.clear(name)));
  }, undefined);
}
