/** What may be attached to a prompt (docs/protocol.md section 5). Pure but for reading the beginning of a file. */

import type { MediaType } from "../protocol/generated";

/** Of one prompt: how many, and bytes together. */
export const MAX_COUNT = 16;
export const MAX_TOGETHER = 10 * 2 ** 20;
/** Bytes of one, where the server has not said otherwise. */
export const MAX_SIZE = 5 * 2 ** 20;

const PICTURES: readonly MediaType[] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/** For the browser's dialog, which offers these first; other texts are seen by their contents. */
export const ACCEPTED = [
  ...PICTURES,
  "application/pdf",
  "text/*",
  ".md",
  ".json",
  ".log",
  ".csv",
  ".yml",
  ".toml",
].join();

/** Bytes at the beginning of a file by which a text is known. */
const LOOKED_AT = 64 * 1024;

export function isPicture(type: string): boolean {
  return PICTURES.some((one) => one === type);
}

/** As what a file is sent: what it says of itself, or a text where it is one; null for anything else. */
export async function mediaTypeOf(file: Blob): Promise<MediaType | null> {
  if (isPicture(file.type) || file.type === "application/pdf") return file.type as MediaType;
  const bytes = new Uint8Array(await file.slice(0, LOOKED_AT).arrayBuffer());
  if (bytes.includes(0)) return null;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return "text/plain";
  } catch {
    return null;
  }
}

/** Why one more file of this size cannot be attached, or null. */
export function surplus(
  present: readonly { size: number }[],
  size: number,
  limit: number = MAX_SIZE,
): "empty" | "count" | "size" | "together" | null {
  if (size === 0) return "empty";
  if (size > limit) return "size";
  if (present.length >= MAX_COUNT) return "count";
  return present.reduce((sum, one) => sum + one.size, size) > MAX_TOGETHER ? "together" : null;
}
