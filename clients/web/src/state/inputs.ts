/** The input of a tool, as a person changes it before it runs. */

import { isJson, type Json } from "../protocol/agent";
import { harmless } from "./harmless";

/** Characters of an input, as JSON, that can be changed. */
const MAX_EDITED = 200_000;

/** What of an input is changed by itself: it is what the tool is used for. */
const FIELDS: Readonly<Record<string, string>> = {
  Bash: "command",
  Write: "content",
  Edit: "new_string",
  NotebookEdit: "new_source",
};

/** What can be changed: the text of one `field`, or all of it as JSON where that is null. */
export interface Edit {
  field: string | null;
  text: string;
}

/** How the input of this tool is changed; null when it is too long for that. */
export function editOf(name: string, input: Json): Edit | null {
  const whole = JSON.stringify(input, null, 2);
  if (whole.length > MAX_EDITED) return null;
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  const text = field === undefined ? undefined : input[field];
  // What cannot be shown as it is stands in JSON in its escaped form, so that it comes back unharmed.
  if (field === undefined || typeof text !== "string" || harmless(text) !== text) return { field: null, text: whole };
  return { field, text };
}

/** The whole input with what was written; null when it is no JSON object, or when nothing is left to run. */
export function edited(input: Json, edit: Edit, written: string): Json | null {
  if (edit.field === "command" && !written.trim()) return null;
  if (edit.field !== null) return { ...input, [edit.field]: written };
  try {
    const found: unknown = JSON.parse(written);
    return isJson(found) ? found : null;
  } catch {
    return null;
  }
}
