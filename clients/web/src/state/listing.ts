/** The projects as the list shows them. */

import type { ProjectState } from "../protocol/generated";

/** How many are easily overseen; beyond it there is a field to find one. */
export const MANY = 8;

export interface Listing {
  active: readonly ProjectState[];
  archived: readonly ProjectState[];
}

/** Those with the words in their name or path, the one that was at work last first. */
export function listing(projects: readonly ProjectState[], words: string): Listing {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = projects
    .filter(({ name, path }) => wanted.every((word) => `${name} ${path}`.toLowerCase().includes(word)))
    .toSorted((a, b) => (a.last_active < b.last_active ? 1 : -1));
  return { active: found.filter((one) => !one.archived), archived: found.filter((one) => one.archived) };
}

/** How many questions wait for a person, in all projects. */
export function questions(projects: Readonly<Record<string, ProjectState>>): number {
  return Object.values(projects).reduce((sum, project) => sum + asked(project), 0);
}

export function asked({ pending_permissions }: ProjectState): number {
  return typeof pending_permissions === "number" ? pending_permissions : pending_permissions.length;
}
