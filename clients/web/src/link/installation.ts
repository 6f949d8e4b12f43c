/** Installing the client as an app: browsers that can say so beforehand, and wait for the person to ask for it. */

import type { Store } from "../state/store";

/** Chromium's own, in no standard yet. */
interface BeforeInstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

let offer: BeforeInstallPrompt | null = null;

/** Keep the browser's offer until the person takes it. */
export function offerInstallation(store: Store): void {
  const tell = (canInstall: boolean) => store.setState(({ shell }) => ({ shell: { ...shell, canInstall } }));
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event as BeforeInstallPrompt;
    tell(true);
  });
  window.addEventListener("appinstalled", () => {
    offer = null;
    tell(false);
  });
}

export async function install(): Promise<void> {
  await offer?.prompt();
}

/** Whether this is the installed app already, in a window of its own. */
export function isInstalled(): boolean {
  return window.matchMedia("(display-mode: standalone)").matches;
}
