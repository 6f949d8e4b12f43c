/**
 * The pictures that were attached to prompts: fetched when they are seen, the last ones kept as long as the page is open.
 * They become objects of the page (`blob:`), of a type that the server has found them to be, and that can do nothing.
 */

import { isPicture, MAX_TOGETHER } from "../state/attaching";
import { bytes } from "./api";

/** Bytes of pictures that are kept. */
export const MAX_KEPT = 32 * 2 ** 20;

/** By their path, the one that was asked for last at the end. */
const kept = new Map<string, Blob>();
const coming = new Map<string, Promise<Blob | null>>();

/** The picture at this path, if it is here already. */
export function pictureHere(path: string): Blob | null {
  return kept.get(path) ?? null;
}

/** The picture at this path; null for what is none, or too large. Throws Refused where it is not there, or Unreachable. */
export async function picture(path: string): Promise<Blob | null> {
  const here = kept.get(path);
  if (here !== undefined) {
    keep(path, here);
    return here;
  }
  const fetching = coming.get(path) ?? bytes(path, MAX_TOGETHER).finally(() => coming.delete(path));
  coming.set(path, fetching);
  const found = await fetching;
  if (found === null || !isPicture(found.type)) return null;
  keep(path, found);
  return found;
}

function keep(path: string, found: Blob): void {
  kept.delete(path);
  kept.set(path, found);
  let size = [...kept.values()].reduce((sum, one) => sum + one.size, 0);
  for (const [oldest, one] of kept) {
    if (size <= MAX_KEPT) break;
    kept.delete(oldest);
    size -= one.size;
  }
}
