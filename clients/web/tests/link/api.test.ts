// @vitest-environment node
import { afterEach, describe, expect, it, vi } from "vitest";
import { get, isKnown, listing, Unreachable } from "../../src/link/api";

/** The server answers with a body that ends before it is whole. */
function breaksOff(status: number): void {
  const headers = { "content-type": "application/json" };
  vi.stubGlobal("fetch", async () => new Response('{"projects": [', { status, headers }));
}

afterEach(() => vi.unstubAllGlobals());

describe("an answer that breaks off", () => {
  it("is none: the server could not be reached", async () => {
    breaksOff(200);
    await expect(get("/agent")).rejects.toThrow(Unreachable);
    await expect(listing()).rejects.toThrow(Unreachable);
  });

  it("still says that this device is not known", async () => {
    breaksOff(401);
    expect(await isKnown()).toBe(false);
  });
});
