/** What this device may do. */

import type { Scope } from "../protocol/generated";
import type { State } from "./state";

/** Whether the server lets this device do what needs this scope; as long as there is no connection, it is not known to. */
export function may(state: State, scope: Scope): boolean {
  return state.connection.is === "online" && state.connection.established.device.scopes.includes(scope);
}
