// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { attachmentPath } from "../../src/link/api";
import { MAX_KEPT, picture, pictureHere } from "../../src/link/pictures";
import { MAX_TOGETHER } from "../../src/state/attaching";

let asked: string[];
let answer: (path: string) => Response;

function image(size: number, type = "image/png", headers: Record<string, string> = {}): Response {
  return new Response(new Uint8Array(size), { headers: { "content-type": type, ...headers } });
}

beforeEach(() => {
  asked = [];
  answer = () => image(3);
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return answer(path);
  });
});

afterEach(() => vi.unstubAllGlobals());

describe("a picture that was attached", () => {
  it("is fetched once, also where two ask for it at once", async () => {
    const [one, other] = await Promise.all([picture("/once"), picture("/once")]);
    expect(await picture("/once")).toBe(one);
    expect(other?.type).toBe("image/png");
    expect(pictureHere("/once")).toBe(one);
    expect(asked).toEqual(["/api/v1/once"]);
  });

  it.each(["image/svg+xml", "text/html", "image/png; charset=utf-8", "application/pdf", "image/avif", ""])(
    "is none where the server says %j",
    async (type) => {
      answer = () => image(3, type);
      expect(await picture(`/typed/${type}`)).toBeNull();
      expect(pictureHere(`/typed/${type}`)).toBeNull();
    },
  );

  it("is not taken where it is larger than all of one prompt may be, whatever the server says of its size", async () => {
    answer = () => image(3, "image/png", { "content-length": `${MAX_TOGETHER + 1}` });
    expect(await picture("/said")).toBeNull();
    answer = () => image(MAX_TOGETHER + 1);
    expect(await picture("/unsaid")).toBeNull();
    answer = () => image(MAX_TOGETHER);
    expect((await picture("/just"))?.size).toBe(MAX_TOGETHER);
  });

  it("is asked for again after it could not be had", async () => {
    answer = () => new Response("{}", { status: 404, headers: { "content-type": "application/json" } });
    await expect(picture("/again")).rejects.toThrow("404");
    answer = () => image(3);
    expect(await picture("/again")).not.toBeNull();
  });

  it("is forgotten when others were looked at since, and all have too many bytes", async () => {
    const size = MAX_KEPT / 4;
    answer = () => image(size);
    for (const path of ["/1", "/2", "/3", "/4"]) await picture(path);
    expect(["/1", "/2", "/3", "/4"].map((path) => pictureHere(path) !== null)).toEqual([true, true, true, true]);
    await picture("/1");
    await picture("/5");
    expect(["/1", "/2", "/5"].map((path) => pictureHere(path) !== null)).toEqual([true, false, true]);
  });

  it("has a path that leads nowhere else, whatever its id", () => {
    expect(attachmentPath("p", "../../../session?x#y")).toBe("/projects/p/attachments/..%2F..%2F..%2Fsession%3Fx%23y");
  });
});
