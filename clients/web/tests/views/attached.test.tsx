import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Attached, MediaType } from "../../src/protocol/generated";
import { connected, INITIAL } from "../../src/state/state";
import { store } from "../../src/state/store";
import { AttachedFiles } from "../../src/views/conversation/AttachedFiles";
import { LargePicture } from "../../src/views/conversation/LargePicture";
import { ShowContext, type Shown } from "../../src/views/conversation/showing";
import { draw, expectHarmless } from "./drawing";
import { HOSTILE } from "./hostile";

let ids = 0;
let type: string;
let status: number;
let asked: number;
let given: string[];

beforeEach(() => {
  type = "image/png";
  status = 200;
  asked = 0;
  given = [];
  vi.stubGlobal("fetch", async () => {
    asked += 1;
    return new Response(new Uint8Array(3), { status, headers: { "content-type": type } });
  });
  let made = 0;
  URL.createObjectURL = () => `blob:http://localhost:3000/${++made}`;
  URL.revokeObjectURL = (url) => void given.push(url);
  connect("online");
});

afterEach(() => vi.unstubAllGlobals());

function connect(is: "online" | "offline"): void {
  const device = { id: "d", name: "phone", scopes: ["read" as const] };
  const established = { connection_id: "c", server_version: "1", protocol: 1, device, limits: {} };
  const since = "2026-01-31T12:00:00.000Z";
  store.setState(connected(INITIAL, is === "online" ? { is, since, established } : { is }), true);
}

const file = (media_type: MediaType, name = "a file"): Attached => ({ id: `a${++ids}`, name, media_type, size: 1234 });

async function drawn(...attached: Attached[]) {
  const shown: Shown[] = [];
  const element = await draw(
    <ShowContext value={(picture) => void shown.push(picture)}>
      <AttachedFiles projectId="p" attached={attached} />
    </ShowContext>,
  );
  await act(async () => {
    await new Promise((resolve) => setTimeout(resolve));
  });
  return { element, shown };
}

describe("what was attached to a prompt", () => {
  it("is seen where it is a picture, as an object of the page, and shown large when it is pressed", async () => {
    const { element, shown } = await drawn(file("image/png", "screen.png"));
    const image = element.querySelector("img");
    expect([image?.alt, image?.src]).toEqual(["Show screen.png", "blob:http://localhost:3000/1"]);
    await act(async () => element.querySelector("button")?.click());
    expect(shown.map(({ name, blob }) => [name, blob.type])).toEqual([["screen.png", "image/png"]]);
  });

  it("is told by name, kind and size where it is none, and can be saved", async () => {
    const { element } = await drawn(file("application/pdf", "report.pdf"), file("text/plain", "notes.md"));
    expect(asked).toBe(0);
    expect([...element.querySelectorAll("a")].map((link) => [link.textContent, link.download])).toEqual([
      ["Save report.pdfPDF, 2 kB", "report.pdf"],
      ["Save notes.mdText, 2 kB", "notes.md"],
    ]);
  });

  it.each(["image/svg+xml", "text/html"])("is never seen as what a browser would run: %s", async (said) => {
    type = said;
    const { element } = await drawn(file("image/png"), file(said as MediaType));
    expect(element.querySelector("img")).toBeNull();
    expect(element.querySelectorAll("a[download]")).toHaveLength(2);
  });

  it("that is no picture though it is said to be can be saved", async () => {
    const { element } = await drawn(file("image/png"));
    await act(async () => element.querySelector("img")?.dispatchEvent(new Event("error")));
    expect(element.querySelector("img")).toBeNull();
    expect(element.querySelector("a[download]")).not.toBeNull();
  });

  it("says so where the server has it no more", async () => {
    status = 404;
    const { element } = await drawn(file("image/png", "screen.png"));
    expect(element.textContent).toBe("screen.pngThe server has it no more.");
  });

  it("is asked for when there is a connection, and comes into its place", async () => {
    connect("offline");
    const { element } = await drawn(file("image/png", "screen.png"));
    expect([asked, element.textContent]).toEqual([0, "screen.png"]);
    await act(async () => {
      connect("online");
      await new Promise((resolve) => setTimeout(resolve));
    });
    expect(element.querySelector("img")).not.toBeNull();
  });

  it.each(HOSTILE)("makes nothing that acts of %j as a name and an id", async (text) => {
    const attached = (["image/png", "text/plain"] as const).map((one) => ({
      ...file(one, text),
      id: `${++ids}${text}`,
    }));
    const { element, shown } = await drawn(...attached);
    expect(element.querySelector("img")).not.toBeNull();
    expectHarmless(element);
    await act(async () => element.querySelector("button")?.click());
    HTMLDialogElement.prototype.showModal ??= () => undefined;
    HTMLDialogElement.prototype.close ??= () => undefined;
    const large = shown[0];
    if (large === undefined) throw new Error("nothing is shown large");
    const dialog = await draw(<LargePicture picture={large} onClose={() => undefined} />);
    for (const link of dialog.querySelectorAll("a[download]")) {
      expect(link.getAttribute("href")).toMatch(/^blob:/);
      link.remove();
    }
    expectHarmless(dialog);
  });
});
