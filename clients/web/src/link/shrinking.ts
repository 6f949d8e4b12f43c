/** Pictures of a phone's camera are often larger than a server takes, and than the agent looks at. */

/** Pixels of the longer side; the agent sees no more. */
const LONGEST = 2000;
const QUALITY = 0.85;
const SHRINKABLE = new Set(["image/png", "image/jpeg", "image/webp"]);

/** A picture of over `limit` bytes as a smaller JPEG; any other file, and what the browser cannot read, as it is. */
export async function shrunk(file: File, limit: number): Promise<File> {
  if (file.size <= limit || !SHRINKABLE.has(file.type)) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
    const context = canvas.getContext("2d");
    if (context === null) return file;
    context.fillStyle = "white"; // a JPEG has no holes
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const smaller = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
    return new File([smaller], `${file.name.replace(/\.\w+$/, "")}.jpg`, { type: "image/jpeg" });
  } catch (error) {
    if (error instanceof DOMException) return file; // no picture after all
    throw error;
  }
}
