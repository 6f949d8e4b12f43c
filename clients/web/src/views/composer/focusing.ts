/** The id of the composer's text field: there is one on a page. */
export const COMPOSER = "composer";

/** Go on in the composer; whether there is one. */
export function focusComposer(): boolean {
  const field = document.getElementById(COMPOSER);
  field?.focus();
  return field !== null;
}
