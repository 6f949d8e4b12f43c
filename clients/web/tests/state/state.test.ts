// @vitest-environment node
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConnectionEstablished, Entry, MessagesFound } from "../../src/protocol/generated";
import type { Message } from "../../src/protocol/messages";
import { connected, conversation, hear, INITIAL, newest, older, opened, type State } from "../../src/state/state";
import { append, empty, type Thread } from "../../src/state/thread";
import { Journal, joinedAt, project, prompt, recorded, reply, TRANSCRIPT_NAMES, told } from "../journal";

const established: ConnectionEstablished = {
  connection_id: "c",
  server_version: "1",
  protocol: 1,
  device: { id: "d", name: "phone", scopes: ["read", "execute", "admin"] },
  limits: {},
};

function found(entries: readonly Entry[], more: Partial<MessagesFound> = {}): MessagesFound {
  const head = entries.at(-1)?.seq ?? 0;
  return { messages: entries.toReversed(), journal_id: "j", head_seq: head, first_seq: 1, has_more: false, ...more };
}

/** Connected, one project listed and open, nothing joined yet. */
function atHome(more: Partial<ReturnType<typeof project>> = {}): State {
  const listed = hear(INITIAL, [reply("project_list_response", { projects: [project(more)], total: 1 }, null)]);
  return opened(
    connected(listed, { is: "online", since: "2026-01-31T12:00:00.000000Z", established }),
    "p",
    conversation(0, ""),
  );
}

/** Joined behind these entries. */
function joined(entries: readonly Entry[], more: Partial<ReturnType<typeof project>> = {}): State {
  const head = entries.length;
  const page = newest(atHome({ ...more, head_seq: head }), "p", found(entries));
  return hear(page, [reply("project_state", project({ ...more, head_seq: head })), joinedAt(head)]);
}

const open = (state: State) => {
  const found = state.conversations.p;
  if (found === undefined) throw new Error("the project is not open");
  return found;
};

/** Without the items, whose way of naming a prompt that waited depends on what it came with (tests/state/thread.test.ts). */
const plain = (state: State) => ({
  ...state,
  conversations: { p: { ...open(state), thread: open(state).thread.last } },
});

const keys = (thread: Thread) => thread.items.map((item) => item.key);

describe("joining", () => {
  test("the newest page takes the place of what was known, and hearing goes on behind it", () => {
    const entries = recorded("plain_turn");
    const state = hear(
      joined(entries.slice(0, 5)),
      entries.slice(5).map((entry) => told(entry)),
    );
    expect(open(state).thread).toEqual(append(empty(0), entries));
    expect(open(state)).toMatchObject({ isJoined: true, journalId: "j", hasOlder: false });
    expect(state.projects.p?.head_seq).toBe(entries.length);
  });

  test("an empty journal is one, also where all of it was removed", () => {
    const state = newest(atHome(), "p", found([], { head_seq: 7, first_seq: 8 }));
    expect(open(state).thread).toMatchObject({ first: 8, last: 7 });
    expect(open(hear(state, [joinedAt(7, { first_seq: 8 })])).hasOlder).toBe(false);
  });

  test("again behind what is known keeps it; what was missed follows", () => {
    const entries = recorded("plain_turn");
    const lost = connected(joined(entries.slice(0, 6)), { is: "offline" });
    expect(open(lost).isJoined).toBe(false);
    const missed = entries.slice(6).map((entry) => told(entry));
    const state = hear(connected(lost, { is: "online", since: "2026-01-31T12:00:00.000000Z", established }), [
      joinedAt(entries.length),
      ...missed,
    ]);
    expect(keys(open(state).thread)).toEqual(keys(append(empty(0), entries)));
  });

  test.each([
    ["a gap", { replay: "gap", first_seq: 4 }],
    ["another journal", { replay: "gap", first_seq: 4, journal_id: "k" }],
  ])("after %s what was known is thrown away", (_, more) => {
    const entries = recorded("plain_turn");
    const later = entries.slice(3).map((entry) => told(entry));
    const state = hear(joined(entries.slice(0, 2)), [joinedAt(entries.length, more), ...later]);
    expect(open(state).thread).toEqual(append(empty(3), entries.slice(3)));
    expect(open(state).hasOlder).toBe(false);
  });

  test("an event that does not follow is no event to go on with", () => {
    const entries = recorded("plain_turn");
    const state = joined(entries.slice(0, 3));
    expect(() => hear(state, [told(entries[4] as Entry)])).toThrow("event 4 is missing");
  });

  test("the rest of a subscription that was left is not read before the project is joined anew", () => {
    const entries = recorded("plain_turn");
    const late = told(entries[9] as Entry);
    const page = newest(atHome({ head_seq: 5 }), "p", found(entries.slice(0, 5)));
    const state = hear(hear(page, [late]), [late, joinedAt(5), told(entries[5] as Entry)]);
    expect(open(state).thread.last).toBe(6);
  });

  test("events that come twice are read once", () => {
    const entries = recorded("plain_turn");
    const state = joined(entries.slice(0, 8));
    const again = entries.slice(4).map((entry) => told(entry));
    expect(keys(open(hear(state, again)).thread)).toEqual(keys(append(empty(0), entries)));
  });
});

describe("history", () => {
  const entries = recorded("subagent");

  test("an older page stands before what is there", () => {
    const page = newest(atHome(), "p", found(entries.slice(10), { has_more: true }));
    const state = older(page, "p", 11, found(entries.slice(0, 10)));
    expect(open(state).thread).toMatchObject({ first: 1, last: entries.length });
    expect(open(state).hasOlder).toBe(false);
  });

  test("a page that comes when the thread has become another one is of no use", () => {
    const page = newest(atHome(), "p", found(entries.slice(10), { has_more: true }));
    expect(older(page, "p", 12, found(entries.slice(0, 11)))).toEqual(page);
    expect(older(page, "p", 11, found(entries.slice(0, 10), { journal_id: "k" }))).toEqual(page);
  });
});

describe.each(TRANSCRIPT_NAMES)("the journal of %s", (name) => {
  const entries = recorded(name);

  test("makes the same state, in whatever batches it comes", () => {
    const messages = entries.map((entry) => told(entry));
    const whole = hear(joined([]), messages);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: messages.length }), { maxLength: 6 }), (places) => {
        const bounds = [0, ...places.toSorted((a, b) => a - b), messages.length];
        const batches = bounds.slice(1).map((end, index) => messages.slice(bounds[index], end));
        expect(plain(batches.reduce<State>(hear, joined([])))).toEqual(plain(whole));
      }),
      { numRuns: 20 },
    );
  });
});

describe("how a project stands", () => {
  test("is told by the list, by replies and by live events", () => {
    let state = hear(atHome(), [reply("project_state", project({ name: "new" }))]);
    expect(state.projects.p?.name).toBe("new");
    const journal = new Journal();
    state = hear(state, [told(journal.state({ state: "EXECUTING", execution_id: "e" }))]);
    expect(state.projects.p).toMatchObject({ state: "EXECUTING", execution_id: "e", head_seq: 1 });
  });

  test("is not changed by history", () => {
    const journal = new Journal();
    journal.state({ state: "EXECUTING", execution_id: "e" });
    journal.state({ state: "IDLE" });
    const state = hear(joined([], { head_seq: 2 }), [
      reply("project_state", project({ head_seq: 2 })),
      joinedAt(2),
      told(journal.entries[0] as Entry),
    ]);
    expect(state.projects.p).toMatchObject({ state: "IDLE", head_seq: 2 });
  });

  test("a project that is deleted, or stands no more in the list, is gone with all that belongs to it", () => {
    const state = { ...atHome(), unsent: [{ projectId: "p" } as never] };
    const gone: Message[] = [
      { type: "project_deleted", project_id: "p", timestamp: "", data: { project_id: "p" } },
      reply("project_list_response", { projects: [], total: 0 }, null),
    ];
    for (const message of gone) {
      expect(hear(state, [message])).toMatchObject({ projects: {}, conversations: {}, unsent: [] });
    }
  });

  test("what is said of projects that are not open is not read", () => {
    const state = hear({ ...atHome(), conversations: {} }, [
      told(new Journal().add("client_message", prompt("e", "x"))),
    ]);
    expect(state.conversations).toEqual({});
  });
});

describe("permission requests", () => {
  const asks = (id: string) => ({ permission_id: id, tool_name: "Bash", input: {} });

  test("are those that the join tells, then those that are asked, without those that are answered", () => {
    const pending = [asks("a"), asks("b")];
    let state = hear(joined([]), [reply("project_state", { ...project(), pending_permissions: pending }), joinedAt(0)]);
    const journal = new Journal();
    state = hear(state, [told(journal.add("permission_request", asks("c")))]);
    state = hear(state, [
      told(journal.add("permission_resolved", { permission_id: "a", behavior: "allow", by: null })),
    ]);
    expect(open(state).permissions.map((one) => one.permission_id)).toEqual(["b", "c"]);
  });

  test("of history are not asked any more", () => {
    const journal = new Journal();
    journal.add("permission_request", asks("old"));
    journal.add("permission_resolved", { permission_id: "old", behavior: "deny", by: null });
    const state = hear(joined([], { head_seq: 2 }), [joinedAt(2), told(journal.entries[0] as Entry)]);
    expect(open(state).permissions).toEqual([]);
  });
});

describe("the agent", () => {
  test("tells of itself, of any project and of one", () => {
    const info = { available: true, version: "2", models: null, commands: [], permission_modes: [] };
    const state = hear(atHome(), [reply("agent_info", info, null), reply("agent_info", { ...info, version: "3" })]);
    expect(state.agent?.version).toBe("2");
    expect(open(state).agent?.version).toBe("3");
  });

  test("tells how full its context is", () => {
    const told = { total_tokens: 5, max_tokens: 10, cost_usd: 0.5 };
    expect(open(hear(atHome(), [reply("agent_context", told)])).context).toEqual(told);
  });
});
