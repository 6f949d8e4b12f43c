import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Lost, Socket } from "../../src/link/socket";
import { type Message, Refused } from "../../src/protocol/messages";
import { FakeSocket } from "../fake_socket";

class Ear {
  readonly heard_: Message[][] = [];
  readonly closed_: { isOut: boolean; retryIn: number }[] = [];
  opened_ = 0;
  problem: Error | null = null;

  opened(): void {
    this.opened_ += 1;
  }

  heard(messages: readonly Message[]): void {
    this.heard_.push([...messages]);
    if (this.problem) throw this.problem;
  }

  closed(isOut: boolean, retryIn: number): void {
    this.closed_.push({ isOut, retryIn });
  }
}

let ear: Ear;
let isKnown: boolean;
let socket: Socket;
const reported = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("reportError", reported);
  FakeSocket.made = [];
  reported.mockClear();
  ear = new Ear();
  isKnown = true;
  socket = new Socket("wss://here/ws", ear, async () => isKnown);
  socket.start();
});

afterEach(() => {
  socket.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const event = (seq: number) => ({ type: "agent_message", project_id: "p", seq, data: {} });
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

describe("answers", () => {
  test("a request is answered by the message with its id", async () => {
    FakeSocket.last.accept();
    const asked = socket.request("agent_kill", "p", { hard: true });
    expect(FakeSocket.last.sent[0]).toMatchObject({ type: "agent_kill", project_id: "p", data: { hard: true } });
    FakeSocket.last.answer("agent_kill", "process_killed", { execution_id: "e" });
    expect((await asked).data).toEqual({ execution_id: "e" });
  });

  test("an error is a refusal with its code and its details", async () => {
    FakeSocket.last.accept();
    const asked = socket.request("execute", "p");
    FakeSocket.last.answer("execute", "error", {
      code: "RATE_LIMITED",
      message: "slowly",
      details: { retry_after: 2 },
    });
    const refusal = await asked.catch((error) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ code: "RATE_LIMITED", message: "slowly", details: { retry_after: 2 } });
  });

  test("of the two answers to a join the second one counts, and both are heard", async () => {
    FakeSocket.last.accept();
    const asked = socket.request("project_join", "p");
    const request_id = FakeSocket.last.sent[0]?.request_id ?? "";
    FakeSocket.last.say({ type: "project_state", request_id, data: {} });
    FakeSocket.last.say({ type: "project_joined", request_id, data: {} });
    expect((await asked).type).toBe("project_joined");
    expect(ear.heard_.flat()).toHaveLength(2);
  });

  test("what came before an answer is heard before the answer is known", async () => {
    FakeSocket.last.accept();
    const asked = socket.request("execute", "p").then(() => ear.heard_.flat().map((one) => one.type));
    FakeSocket.last.say(event(1));
    FakeSocket.last.answer("execute", "execution_accepted", {});
    expect(await asked).toEqual(["agent_message", "execution_accepted"]);
  });

  test("without a connection nothing is asked", async () => {
    await expect(socket.request("execute", "p")).rejects.toBeInstanceOf(Lost);
  });

  test("who is cut off does not know what became of a request", async () => {
    FakeSocket.last.accept();
    const asked = socket.request("execute", "p");
    FakeSocket.last.end(1006);
    await expect(asked).rejects.toBeInstanceOf(Lost);
  });

  test("a message that the server would close for (1009) is not sent", async () => {
    FakeSocket.last.accept();
    socket.messageSize = 100;
    const refusal = await socket.request("execute", "p", { prompt: "ä".repeat(50) }).catch((error) => error);
    expect(refusal).toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    expect(FakeSocket.last.sent).toEqual([]);
    expect(ear.closed_).toEqual([]);
  });

  test("at most 256 requests wait", async () => {
    FakeSocket.last.accept();
    for (let count = 0; count < 256; count += 1) socket.request("agent_info", null).catch(() => undefined);
    await expect(socket.request("agent_info", null)).rejects.toBeInstanceOf(Lost);
    expect(FakeSocket.last.sent).toHaveLength(256);
  });
});

describe("batches", () => {
  test("what comes within a frame is handed on together, in order", async () => {
    FakeSocket.last.accept();
    for (const seq of [1, 2, 3]) FakeSocket.last.say(event(seq));
    expect(ear.heard_).toEqual([]);
    await vi.advanceTimersToNextTimerAsync();
    expect(ear.heard_.map((batch) => batch.map((one) => one.seq))).toEqual([[1, 2, 3]]);
  });

  test("a page that draws no frames hears all the same", async () => {
    vi.stubGlobal("requestAnimationFrame", () => 1);
    vi.stubGlobal("cancelAnimationFrame", () => undefined);
    FakeSocket.last.accept();
    FakeSocket.last.say(event(1));
    await seconds(0.1);
    FakeSocket.last.say(event(2));
    await seconds(0.1);
    expect(ear.heard_.flat()).toHaveLength(2);
  });

  test("no more than 1,000 messages wait for a frame", () => {
    FakeSocket.last.accept();
    for (let seq = 1; seq <= 1001; seq += 1) FakeSocket.last.say(event(seq));
    expect(ear.heard_.map((batch) => batch.length)).toEqual([1000]);
  });

  test("what came before the end is heard before the end", () => {
    FakeSocket.last.accept();
    FakeSocket.last.say(event(1));
    FakeSocket.last.end(1001);
    expect(ear.heard_.flat()).toHaveLength(1);
    expect(ear.closed_).toHaveLength(1);
  });
});

describe("a connection that is lost", () => {
  test("comes again, ever later while it fails, and every half minute at the latest", async () => {
    const waits: number[] = [];
    for (let tries = 0; tries < 12; tries += 1) {
      FakeSocket.last.end(1006);
      await vi.advanceTimersByTimeAsync(0);
      waits.push(ear.closed_.at(-1)?.retryIn ?? 0);
      await seconds(waits.at(-1) ?? 0);
    }
    expect(FakeSocket.made).toHaveLength(13);
    expect(waits[0]).toBeLessThanOrEqual(0.5);
    expect(waits[3]).toBeGreaterThan(waits[0] ?? 0);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30);
  });

  test("that is accepted and ended at once is not tried ever as fast", async () => {
    for (let tries = 0; tries < 8; tries += 1) {
      FakeSocket.last.accept();
      FakeSocket.last.end(1011);
      await seconds(ear.closed_.at(-1)?.retryIn ?? 0);
    }
    expect(ear.closed_.at(-1)?.retryIn).toBeGreaterThanOrEqual(15);
  });

  test("after it was good for a while it comes again soon", async () => {
    for (let tries = 0; tries < 5; tries += 1) {
      FakeSocket.last.end(1006);
      await vi.advanceTimersByTimeAsync(0);
      await seconds(ear.closed_.at(-1)?.retryIn ?? 0);
    }
    FakeSocket.last.accept();
    await seconds(10);
    FakeSocket.last.end(1001);
    expect(ear.closed_.at(-1)?.retryIn).toBeLessThanOrEqual(0.5);
  });

  test("because we were too fast (4429) is left alone for seconds", () => {
    FakeSocket.last.accept();
    FakeSocket.last.end(4429);
    expect(ear.closed_[0]?.retryIn).toBeGreaterThanOrEqual(8);
  });

  test("because the credential is gone (4401) is not tried again", async () => {
    FakeSocket.last.accept();
    FakeSocket.last.end(4401);
    expect(ear.closed_).toEqual([{ isOut: true, retryIn: 0 }]);
    await seconds(60);
    expect(FakeSocket.made).toHaveLength(1);
  });

  test("at the handshake is asked about: a server that does not know us (401) says so only over HTTP", async () => {
    isKnown = false;
    FakeSocket.last.end(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(ear.closed_).toEqual([{ isOut: true, retryIn: 0 }]);
  });

  test("is tried at once when the person or the network is back", async () => {
    FakeSocket.last.accept();
    FakeSocket.last.end(1006);
    socket.wake();
    expect(FakeSocket.made).toHaveLength(2);
    await seconds(60);
    expect(FakeSocket.made.filter((one) => !one.isClosed).length).toBeLessThanOrEqual(2);
  });

  test("is not tried after a stop", async () => {
    FakeSocket.last.accept();
    socket.stop();
    socket.wake();
    await seconds(60);
    expect(FakeSocket.made).toHaveLength(1);
    expect(FakeSocket.last.isClosed).toBe(true);
  });

  test("whose end comes late does not end the next one", async () => {
    const first = FakeSocket.last;
    first.accept();
    const late = first.onclose;
    socket.drop();
    await seconds(1);
    FakeSocket.last.accept();
    late?.({ code: 1006 });
    expect(ear.closed_).toHaveLength(1);
  });
});

describe("a connection that only seems to be there", () => {
  test("is found out when the person comes back: no answer within 5 s", async () => {
    FakeSocket.last.accept();
    socket.wake();
    expect(FakeSocket.last.sent).toHaveLength(1);
    await seconds(5);
    expect(ear.closed_).toHaveLength(1);
    expect(FakeSocket.made[0]?.isClosed).toBe(true);
  });

  test("is found out after 40 s of silence and 15 s without an answer", async () => {
    FakeSocket.last.accept();
    await seconds(40);
    expect(FakeSocket.last.sent).toHaveLength(1);
    expect(ear.closed_).toEqual([]);
    await seconds(15);
    expect(ear.closed_).toHaveLength(1);
  });

  test("is told apart from one that is busy: an answer may be behind a long replay, but not for ever", async () => {
    FakeSocket.last.accept();
    const asked = socket.request("get_messages", "p").catch((error) => error);
    for (let time = 0; time < 100; time += 10) {
      FakeSocket.last.say(event(time + 1));
      await seconds(10);
    }
    expect(ear.closed_).toEqual([]);
    for (let time = 100; time < 130; time += 10) {
      FakeSocket.last.say(event(time + 1));
      await seconds(10);
    }
    expect(await asked).toBeInstanceOf(Lost);
  });

  test("is given up where the handshake takes over 15 s, and over 5 s when the person waits", async () => {
    await seconds(15);
    expect(FakeSocket.made[0]?.isClosed).toBe(true);
    await seconds(1);
    expect(FakeSocket.made).toHaveLength(2);
    socket.wake();
    await seconds(5);
    expect(FakeSocket.made[1]?.isClosed).toBe(true);
  });

  test("does not outlive that the page is put away", () => {
    FakeSocket.last.accept();
    socket.drop();
    expect(FakeSocket.made[0]?.isClosed).toBe(true);
    socket.wake();
    expect(FakeSocket.made).toHaveLength(2);
  });
});

describe("what cannot be understood", () => {
  test.each([
    ["is not JSON", "{"],
    ["is no message", "[1]"],
    ["has no data", '{"type": "agent_message"}'],
    ["is binary", new ArrayBuffer(2)],
  ])("a frame that %s ends the connection, since something is missing now", async (_, data) => {
    FakeSocket.last.accept();
    FakeSocket.last.onmessage?.({ data });
    expect(FakeSocket.made[0]?.isClosed).toBe(true);
    await seconds(1);
    expect(FakeSocket.made).toHaveLength(2);
  });

  test("messages that the state cannot take end the connection, are reported, and joining anew is tried", async () => {
    FakeSocket.last.accept();
    ear.problem = new Error("event 5 is missing");
    FakeSocket.last.say(event(6));
    await seconds(1);
    expect(reported).toHaveBeenCalledWith(ear.problem);
    expect(FakeSocket.made).toHaveLength(2);
  });
});
