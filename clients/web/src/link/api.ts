/** The API over HTTP (docs/protocol.md sections 9 to 12), with the cookie of this device. */

import { isJson, type Json, object, text } from "../protocol/agent";
import { Refused } from "../protocol/messages";

/** Seconds after which a request has failed. */
const ANSWER_TIME = 30;
/** Seconds for an upload: 25 MB on a slow phone. */
const UPLOAD_TIME = 300;

export const BASE = "/api/v1";

/** The server could not be reached. */
export class Unreachable extends Error {}

async function call(method: string, path: string, init: RequestInit, seconds: number): Promise<unknown> {
  let response: Response;
  try {
    const signal = AbortSignal.timeout(seconds * 1000);
    response = await fetch(`${BASE}${path}`, { method, signal, cache: "no-store", redirect: "error", ...init });
  } catch {
    throw new Unreachable("The server could not be reached.");
  }
  const isBody = (response.headers.get("content-type") ?? "").startsWith("application/json");
  const body: unknown = isBody ? await response.json().catch(() => null) : null;
  if (response.ok) return body;
  const told = isJson(body) ? object(body, "data") : {};
  const words = text(told, "message") || `The server answered ${response.status}.`;
  throw new Refused(text(told, "code") || `${response.status}`, words, object(told, "details"));
}

/** Ask for what is there. Throws Refused, or Unreachable. */
export async function get<T>(path: string): Promise<T> {
  return (await call("GET", path, {}, ANSWER_TIME)) as T;
}

/** Ask for a change; without a body nothing is sent. */
export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: Json): Promise<T> {
  const init =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return (await call(method, path, init, ANSWER_TIME)) as T;
}

/** Send a file as it is. */
export async function upload<T>(path: string, file: Blob, headers: Record<string, string>): Promise<T> {
  const init = { body: file, headers: { "content-type": file.type || "application/octet-stream", ...headers } };
  return (await call("POST", path, init, UPLOAD_TIME)) as T;
}

/** Whether the server takes this device's cookie. Where it cannot be asked, that is not known to be otherwise. */
export async function isKnown(): Promise<boolean> {
  try {
    await get("/agent");
    return true;
  } catch (error) {
    return !(error instanceof Refused && (error.code === "UNAUTHORIZED" || error.code === "401"));
  }
}
