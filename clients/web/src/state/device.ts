/** What this device may do, and what there is to choose. */

import type { AgentInfo, PermissionMode, Scope } from "../protocol/generated";
import { MODES } from "./prompts";
import type { State } from "./state";

/** Whether the server lets this device do what needs this scope; as long as there is no connection, it is not known to. */
export function may(state: State, scope: Scope): boolean {
  return state.connection.is === "online" && state.connection.established.device.scopes.includes(scope);
}

/** The permission modes that this device may choose: bypassing is an admin's, and only where the server allows it at all. */
export function modesOf(state: State): readonly PermissionMode[] {
  const allowed = state.agent?.permission_modes ?? [];
  const isFree = may(state, "admin") && allowed.includes("bypassPermissions");
  return MODES.filter((mode) => mode !== "bypassPermissions" || isFree);
}

/** What the CLI said of itself in a project, or where it has not run there yet, in any. */
export function agentOf(state: State, id: string): AgentInfo | null {
  const own = state.conversations[id]?.agent;
  return own?.commands ? own : state.agent;
}
