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
  throw refusal(response.status, body);
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

/** Send a file as it is; `progress` hears of the share that is sent, 0 to 1. Fetch does not tell that. */
export function upload<T>(
  path: string,
  file: Blob,
  headers: Record<string, string>,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${BASE}${path}`);
    request.responseType = "json";
    request.timeout = UPLOAD_TIME * 1000;
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status < 300) resolve(request.response as T);
      else reject(refusal(request.status, request.response));
    };
    request.onerror = request.ontimeout = () => reject(new Unreachable("The server could not be reached."));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

function refusal(status: number, body: unknown): Refused {
  const told = isJson(body) ? object(body, "data") : {};
  const words = text(told, "message") || `The server answered ${status}.`;
  return new Refused(text(told, "code") || `${status}`, words, object(told, "details"));
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
