/** The API over HTTP (docs/protocol.md sections 9 to 12), with the cookie of this device. */

import { isJson, type Json, object, text } from "../protocol/agent";
import type { ProjectListed, ProjectState } from "../protocol/generated";
import { Refused } from "../protocol/messages";
import { harmless } from "../state/harmless";

/** Seconds after which a request has failed. */
const ANSWER_TIME = 30;
/** Seconds for a file, there or back: 25 MB on a slow phone. */
const TRANSFER_TIME = 300;

export const BASE = "/api/v1";

/** Where an attachment of a project is, behind `BASE`. */
export function attachmentPath(projectId: string, id: string): string {
  return `/projects/${projectId}/attachments/${encodeURIComponent(harmless(id))}`;
}

/** The server could not be reached. */
export class Unreachable extends Error {}

async function call(method: string, path: string, init: RequestInit, seconds: number): Promise<unknown> {
  return await json(await answer(method, path, init, seconds)).catch(unreachable);
}

/** The answer of the server, where that is a good one. */
async function answer(method: string, path: string, init: RequestInit, seconds: number): Promise<Response> {
  let response: Response;
  try {
    const signal = AbortSignal.timeout(seconds * 1000);
    response = await fetch(`${BASE}${path}`, { method, signal, cache: "no-store", redirect: "error", ...init });
  } catch {
    return unreachable();
  }
  if (response.ok) return response;
  throw refusal(response.status, await json(response).catch(() => null));
}

/** What an answer says; null where it is no JSON. Throws where it breaks off. */
async function json(response: Response): Promise<unknown> {
  const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
  return isJson ? await response.json() : null;
}

function unreachable(): never {
  throw new Unreachable("The server could not be reached.");
}

/** Ask for what is there. Throws Refused, or Unreachable. */
export async function get<T>(path: string): Promise<T> {
  return (await call("GET", path, {}, ANSWER_TIME)) as T;
}

/** Fetch something as it is, of the type that the server says; null where it has more than `most` bytes. */
export async function bytes(path: string, most: number): Promise<Blob | null> {
  const response = await answer("GET", path, {}, TRANSFER_TIME);
  if (Number(response.headers.get("content-length")) > most) {
    await response.body?.cancel();
    return null;
  }
  const found = await response.blob().catch(unreachable);
  return found.size > most ? null : found;
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
    request.timeout = TRANSFER_TIME * 1000;
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

/** The list of projects. Throws Refused, or Unreachable. */
export async function listing(): Promise<readonly ProjectState[]> {
  return (await get<ProjectListed>("/projects")).projects;
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
