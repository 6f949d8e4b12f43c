import { describe, expect, it } from "vitest";
import { offersOf } from "../../src/state/offers";

const ADMIN = ["read", "execute", "admin"] as const;
const rule = {
  type: "addRules",
  rules: [{ toolName: "Bash", ruleContent: "npm test" }],
  behavior: "allow",
  destination: "localSettings",
};
const said = (suggestion: unknown, scopes: readonly ("read" | "execute" | "admin")[] = ADMIN) =>
  offersOf([suggestion], "/home/ada/app", scopes, true).map((offer) => offer.words);

describe("an offer", () => {
  it.each([
    [rule, "always allow `npm test` here (kept in .claude/settings.local.json)"],
    [
      { ...rule, rules: [{ toolName: "Bash" }, { toolName: "Read", ruleContent: "src/**" }], destination: "session" },
      "always allow every use of Bash and reading `src/**` in this session",
    ],
    [{ type: "setMode", mode: "acceptEdits", destination: "session" }, "allow all edits in this session"],
    [
      { type: "addDirectories", directories: ["/home/ada/app", "/srv"], destination: "session" },
      "let the agent work in the project's own directory and `/srv` in this session",
    ],
    [
      { ...rule, type: "replaceRules" },
      "always allow `npm test`, and none of what was so until now, here (kept in .claude/settings.local.json)",
    ],
  ])("says what %j would grant", (suggestion, words) => {
    expect(said(suggestion)).toEqual([words]);
  });

  it.each([
    { ...rule, more: true },
    { ...rule, destination: "elsewhere" },
    { ...rule, destination: "toString" },
    { ...rule, behavior: "perhaps" },
    { ...rule, rules: [] },
    { ...rule, rules: [{ toolName: "Bash", ruleContent: "x", more: 1 }] },
    { type: "setMode", mode: "yolo", destination: "session" },
    { type: "unheard", destination: "session" },
    { type: "addDirectories", directories: [], destination: "session" },
    "text",
    null,
  ])("is not made of %j, which is not understood whole", (suggestion) => {
    expect(said(suggestion)).toEqual([]);
  });

  it("that changes the user's own settings, or bypasses all questions, is for admins only", () => {
    for (const suggestion of [
      { ...rule, destination: "userSettings" },
      { type: "setMode", mode: "bypassPermissions", destination: "session" },
    ]) {
      expect(said(suggestion, ["read", "execute"])).toEqual([]);
      expect(said(suggestion)).toHaveLength(1);
    }
  });

  it("of a rule is not made where the CLI wants none", () => {
    expect(offersOf([rule], "", ADMIN, false)).toEqual([]);
  });

  it("is the CLI's suggestion itself, and there are nine at most", () => {
    const offers = offersOf(Array(20).fill(rule), "", ADMIN, true);
    expect(offers).toHaveLength(9);
    expect(offers[0]?.update).toBe(rule);
  });
});
