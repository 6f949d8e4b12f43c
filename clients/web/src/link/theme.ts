/** Light or dark: as the system is, or as the person has chosen in this browser. */

import { keep, kept } from "./local";

export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function themeOf(kept: unknown): Theme {
  return THEMES.find((one) => one === kept) ?? "system";
}

export function keptTheme(): Theme {
  return themeOf(kept("theme"));
}

export function chooseTheme(theme: Theme): void {
  keep("theme", theme);
  showTheme(theme);
}

/** Styles go by `data-theme` (styles/base.css), the frame that the system draws by the `theme-color` of index.html. */
export function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.content === "#161513" ? "dark" : "light";
    meta.media = theme === "system" ? `(prefers-color-scheme: ${own})` : own === theme ? "all" : "not all";
  }
}
