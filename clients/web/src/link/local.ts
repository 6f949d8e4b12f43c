/** What this browser keeps in localStorage: small, needed before the first drawing, and nothing secret. */

/** What is kept under a name, or undefined: also where the browser keeps nothing, or nothing that can be read. */
export function kept(name: string): unknown {
  try {
    return JSON.parse(window.localStorage.getItem(name) ?? "null") ?? undefined;
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function keep(name: string, value: unknown): void {
  try {
    window.localStorage.setItem(name, JSON.stringify(value));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // a private window, or full
  }
}

export function forget(name: string): void {
  try {
    window.localStorage.removeItem(name);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
