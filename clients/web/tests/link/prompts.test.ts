import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Prompts } from "../../src/link/prompts";
import * as shelf from "../../src/link/shelf";
import { Lost } from "../../src/link/socket";
import { Refused } from "../../src/protocol/messages";
import { newStore, type Store } from "../../src/state/store";

type Sent = { prompt: string; prompt_id: string; queue: boolean; attachments?: string[] };

/** A server to which prompts are sent; `answers` are its next ones, then it takes everything. */
class House {
  readonly sent: Sent[] = [];
  readonly answers: (object | Error)[] = [];
  isReached = true;

  execute = async (_: string, data: object): Promise<Record<string, unknown>> => {
    if (!this.isReached) throw new Lost();
    this.sent.push(data as Sent);
    const answer = this.answers.shift() ?? { duplicate: false, status: "running" };
    if (answer instanceof Error) throw answer;
    return { ...answer };
  };

  get ran(): string[] {
    return this.sent.map((one) => one.prompt);
  }
}

let house: House;
let store: Store;
let prompts: Prompts;

/** Another page of the same browser, or this one after a reload. */
async function page(): Promise<{ prompts: Prompts; store: Store }> {
  const store = newStore();
  const prompts = new Prompts(store, house.execute);
  await prompts.takeUp();
  return { prompts, store };
}

beforeEach(async () => {
  await shelf.clear();
  house = new House();
  ({ prompts, store } = await page());
});

const add = (words: string) => prompts.add("p", words, {}, []);
const unsent = () => store.getState().unsent;

describe("a prompt", () => {
  test("is sent with an id of its own, may wait in the queue, and is kept until it is taken", async () => {
    await prompts.add("p", "Go", { model: "opus" }, [{ id: "a", name: "a.png", media_type: "image/png", size: 1 }]);
    expect(house.sent).toMatchObject([{ prompt: "Go", queue: true, options: { model: "opus" }, attachments: ["a"] }]);
    expect(house.sent[0]?.prompt_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(unsent()).toEqual([]);
    expect(await shelf.keptUnsent()).toEqual([]);
  });

  test("written without a connection is kept, and sent once when there is one, in order", async () => {
    house.isReached = false;
    for (const words of ["first", "second", "third"]) {
      await add(words);
      await new Promise((resolve) => setTimeout(resolve, 2)); // no person writes two in a millisecond
    }
    expect(unsent()).toHaveLength(3);
    house.isReached = true;
    prompts.deliver();
    prompts.deliver();
    await vi.waitFor(() => expect(unsent()).toEqual([]));
    expect(house.ran).toEqual(["first", "second", "third"]);
  });

  test("outlives a reload, with what it names, and its order", async () => {
    house.isReached = false;
    for (const words of ["first", "second", "third"]) {
      await add(words);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    house.isReached = true;
    const later = await page();
    later.prompts.deliver();
    await vi.waitFor(() => expect(later.store.getState().unsent).toEqual([]));
    expect(house.ran).toEqual(["first", "second", "third"]);
  });

  test("of which the answer was lost is sent again as the same one", async () => {
    house.answers.push(new Lost(), { duplicate: true, status: "done" });
    await add("Go");
    expect(unsent()).toHaveLength(1);
    prompts.deliver();
    await vi.waitFor(() => expect(unsent()).toEqual([]));
    expect(house.sent[0]?.prompt_id).toBe(house.sent[1]?.prompt_id);
  });

  test("that was refused is kept with the reason, also over a reload, and not sent again by itself", async () => {
    house.answers.push(new Refused("RESOURCE_LIMIT", "The queue is full."));
    await add("Go");
    const later = await page();
    later.prompts.deliver();
    await add("Another");
    expect(house.ran).toEqual(["Go", "Another"]);
    expect(later.store.getState().unsent).toMatchObject([{ prompt: "Go", problem: "The queue is full." }]);
  });

  test("that was refused can be sent again, as the same one", async () => {
    house.answers.push(new Refused("RESOURCE_LIMIT", "The queue is full."));
    await add("Go");
    await prompts.resend(unsent()[0]?.promptId ?? "");
    expect(house.sent[0]?.prompt_id).toBe(house.sent[1]?.prompt_id);
    expect(unsent()).toEqual([]);
  });

  test("that the server has dropped runs only as another one, and only when the person wishes it", async () => {
    house.answers.push({ duplicate: true, status: "dropped" });
    await add("Go");
    prompts.deliver();
    expect(house.sent).toHaveLength(1);
    expect(unsent()).toMatchObject([{ isSpent: true, problem: expect.stringContaining("dropped") }]);
    await prompts.resend(unsent()[0]?.promptId ?? "");
    expect(house.ran).toEqual(["Go", "Go"]);
    expect(house.sent[0]?.prompt_id).not.toBe(house.sent[1]?.prompt_id);
    expect(unsent()).toEqual([]);
    expect(await shelf.keptUnsent()).toEqual([]);
  });

  test("that the server has dropped meanwhile outlives a reload", async () => {
    const before = unsent();
    const dropped = { promptId: "d", projectId: "p", prompt: "Waited", options: {}, attachments: [], at: "1" };
    store.setState({ unsent: [{ ...dropped, problem: "It was dropped.", isSpent: true }] });
    await prompts.keepDropped(before);
    const later = await page();
    later.prompts.deliver();
    await later.prompts.resend("d");
    expect(house.ran).toEqual(["Waited"]);
    expect(house.sent[0]?.prompt_id).not.toBe("d");
  });

  test("that comes too fast waits as long as the server says, and goes by itself", async () => {
    house.answers.push(new Refused("RATE_LIMITED", "slowly", { retry_after: 0.05 }));
    await add("Go");
    expect(house.ran).toEqual(["Go", "Go"]);
    expect(unsent()).toEqual([]);
  });
});

describe("two pages of one browser", () => {
  test("that send the same prompt do it with one id", async () => {
    house.isReached = false;
    await add("Go");
    const other = await page();
    house.isReached = true;
    prompts.deliver();
    other.prompts.deliver();
    await vi.waitFor(() => expect([...unsent(), ...other.store.getState().unsent]).toEqual([]));
    expect(new Set(house.sent.map((one) => one.prompt_id)).size).toBe(1);
  });

  test("what was discarded in one is not sent by the other", async () => {
    house.isReached = false;
    await add("Better not");
    const other = await page();
    await prompts.discard(unsent()[0]?.promptId ?? "");
    house.isReached = true;
    other.prompts.deliver();
    await vi.waitFor(() => expect(other.store.getState().unsent).toEqual([]));
    expect(house.sent).toEqual([]);
  });

  test("what was sent again in one is not sent again by the other", async () => {
    house.answers.push({ duplicate: true, status: "dropped" });
    await add("Go");
    const other = await page();
    const id = unsent()[0]?.promptId ?? "";
    await prompts.resend(id);
    await other.prompts.resend(id);
    expect(house.ran).toEqual(["Go", "Go"]);
    expect(other.store.getState().unsent).toEqual([]);
  });

  test("that may keep nothing send all the same", async () => {
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
      throw new DOMException("no room", "QuotaExceededError");
    });
    await add("Go");
    vi.restoreAllMocks();
    expect(house.ran).toEqual(["Go"]);
  });
});
