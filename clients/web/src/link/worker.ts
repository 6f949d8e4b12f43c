/** The service worker: registered under the one policy that the server's pages may make (Content-Security-Policy). */

const SCRIPT = "/sw.js";

declare global {
  interface Window {
    /** Not in every browser yet, nor in TypeScript's own library. */
    trustedTypes?: {
      createPolicy(
        name: string,
        rules: { createScriptURL(text: string): string },
      ): { createScriptURL(text: string): unknown };
    };
  }
}

/** Register it; whether this browser takes it. Without a certificate that it trusts, it does not. */
export async function registerWorker(): Promise<boolean> {
  if (!("serviceWorker" in navigator)) return false;
  const policy = window.trustedTypes?.createPolicy("pocketagent", { createScriptURL: () => SCRIPT });
  try {
    await navigator.serviceWorker.register((policy?.createScriptURL(SCRIPT) ?? SCRIPT) as string);
    return true;
  } catch {
    return false;
  }
}
