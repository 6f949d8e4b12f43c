import { describe, expect, it } from "vitest";
import type { ProjectState } from "../../src/protocol/generated";
import { listing, questions } from "../../src/state/listing";
import { isNews, seenNow, seenOf } from "../../src/state/seen";

function project(id: string, of: Partial<ProjectState> = {}): ProjectState {
  return {
    id,
    name: id,
    path: `/home/ada/${id}`,
    archived: false,
    state: "IDLE",
    session_id: null,
    created_at: "2026-01-31T12:00:00.000000Z",
    last_active: "2026-01-31T12:00:00.000000Z",
    journal_id: "j",
    head_seq: 10,
    execution_id: null,
    queued: [],
    error: null,
    pending_permissions: 0,
    trust: { state: "trusted", fingerprint: "", files: [] },
    subscribers: 0,
    last_words: null,
    cost_usd: 0,
    ...of,
  };
}

const ids = (projects: readonly ProjectState[]) => projects.map((one) => one.id);

describe("the list of projects", () => {
  it("shows the one that was at work last first, and archived ones apart", () => {
    const found = listing(
      [
        project("old", { last_active: "2026-01-01T00:00:00.000000Z" }),
        project("gone", { archived: true }),
        project("new", { last_active: "2026-02-01T00:00:00.000000Z" }),
      ],
      "",
    );
    expect(ids(found.active)).toEqual(["new", "old"]);
    expect(ids(found.archived)).toEqual(["gone"]);
  });

  it("finds by all words, in the name or the path, in any case", () => {
    const all = [project("app", { name: "The App" }), project("site"), project("apple", { path: "/srv/fruit" })];
    expect(ids(listing(all, "ADA app").active)).toEqual(["app"]);
    expect(ids(listing(all, "  ").active)).toHaveLength(3);
    expect(ids(listing(all, "none").active)).toEqual([]);
  });

  it("counts the questions of all projects, told as a number or as themselves", () => {
    const asking = project("b", { pending_permissions: [{} as never, {} as never] });
    expect(questions({ a: project("a", { pending_permissions: 3 }), b: asking })).toBe(5);
  });
});

describe("what is news", () => {
  it("is nothing to a browser that knows of no project yet", () => {
    const seen = seenNow(null, [project("a"), project("b")], "");
    expect(seen).toEqual({ a: 10, b: 10 });
    expect(isNews(null, project("a"))).toBe(false);
  });

  it("is what came since the project was on the screen, once the agent has come to an end", () => {
    const seen = seenNow({ a: 10, b: 10 }, [project("a", { head_seq: 12 }), project("b", { head_seq: 15 })], "b");
    expect(seen).toEqual({ a: 10, b: 15 });
    expect(isNews(seen, project("a", { head_seq: 12 }))).toBe(true);
    expect(isNews(seen, project("a", { head_seq: 12, state: "EXECUTING" }))).toBe(false);
    expect(isNews(seen, project("b", { head_seq: 15 }))).toBe(false);
  });

  it("is all that was said in a project which another device has made", () => {
    const seen = seenNow({ a: 10 }, [project("a"), project("b")], "a");
    expect(isNews(seen, project("b"))).toBe(true);
  });

  it("is kept of the projects that are there, and read with care", () => {
    expect(seenNow({ a: 1, gone: 5 }, [project("a")], "")).toEqual({ a: 1 });
    expect(seenOf({ a: 1, b: "2", c: null })).toEqual({ a: 1 });
    expect(seenOf([1])).toBeNull();
    expect(seenOf(undefined)).toBeNull();
  });
});
