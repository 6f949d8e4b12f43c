/** When an execution began, as the states of its project tell it. Pure. */

import { text } from "../protocol/agent";
import type { Entry } from "../protocol/generated";

/** States of a project, newest first -> the time of the first of those in which this one runs; null where none is. */
export function beganOf(states: readonly Entry[], execution: string): string | null {
  const end = states.findIndex((entry) => text(entry.message, "execution_id") !== execution);
  return states[(end < 0 ? states.length : end) - 1]?.timestamp ?? null;
}
