/** Signing out: this browser is no device of the server any more, and keeps nothing of it. */

import { send } from "./api";
import { forget } from "./local";
import type { Server } from "./server";
import * as shelf from "./shelf";
import { forgetWorker } from "./worker";

/** What is kept in localStorage of this device; the look of the client stays. */
const OURS = ["seen", "push", "choices", "untrusted"];

/** Throws Refused or Unreachable, and then nothing has changed. */
export async function signOut(server: Server): Promise<void> {
  await send("DELETE", "/session");
  server.stop();
  await shelf.clear();
  OURS.forEach(forget);
  await forgetWorker();
  window.location.replace("/");
}
