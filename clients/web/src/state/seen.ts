/** What this browser has shown of each project: the `seq` up to which. What lies behind it is news. */

import { isJson } from "../protocol/agent";
import type { ProjectState } from "../protocol/generated";

export type Seen = Readonly<Record<string, number>>;

/** What was kept of it; null where that is nothing, or not what it should be. */
export function seenOf(kept: unknown): Seen | null {
  if (!isJson(kept)) return null;
  return Object.fromEntries(Object.entries(kept).filter((pair): pair is [string, number] => Number.isInteger(pair[1])));
}

/** The project on the screen (`current`) is seen as it is; a browser that knows of none yet takes all for seen. */
export function seenNow(seen: Seen | null, projects: readonly ProjectState[], current: string): Seen {
  return Object.fromEntries(
    projects.map(({ id, head_seq }) => [id, seen === null || id === current ? head_seq : (seen[id] ?? 0)]),
  );
}

/** Whether something has come to its end in a project that this browser has not shown. */
export function isNews(seen: Seen | null, project: ProjectState): boolean {
  return seen !== null && project.state !== "EXECUTING" && project.head_seq > (seen[project.id] ?? 0);
}
