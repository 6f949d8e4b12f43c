// @vitest-environment node
import { expect, test } from "vitest";
import type { AgentInfo, ConnectionEstablished, Scope } from "../../src/protocol/generated";
import { agentOf, modesOf } from "../../src/state/device";
import { conversation, INITIAL, type State } from "../../src/state/state";

function state(scope: Scope, modes: string[]): State {
  const established = { device: { scopes: ["read", scope] } } as unknown as ConnectionEstablished;
  return {
    ...INITIAL,
    connection: { is: "online", since: "2026-01-31T12:00:00.000000Z", established },
    agent: { permission_modes: modes } as AgentInfo,
  };
}

test("bypassing permissions is offered to an admin, where the server allows it", () => {
  const all = ["default", "bypassPermissions"];
  expect(modesOf(state("admin", all))).toContain("bypassPermissions");
  expect(modesOf(state("execute", all))).not.toContain("bypassPermissions");
  expect(modesOf(state("admin", ["default"]))).not.toContain("bypassPermissions");
  expect(modesOf(INITIAL)).not.toContain("bypassPermissions");
  expect(modesOf(INITIAL)).toContain("plan");
});

test("the CLI is known from another project until it has run in this one", () => {
  const any = { version: "1", commands: [] } as unknown as AgentInfo;
  const here = (agent: AgentInfo) => ({
    ...INITIAL,
    agent: any,
    conversations: { p: { ...conversation(0, "j"), agent } },
  });
  expect(agentOf(here({ ...any, version: "2" }), "p")?.version).toBe("2");
  expect(agentOf(here({ ...any, version: "2", commands: null }), "p")?.version).toBe("1");
  expect(agentOf(INITIAL, "p")).toBeNull();
});
