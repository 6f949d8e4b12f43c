/** Reads a QR code with the camera, where the browser itself can (BarcodeDetector). */

/** In Chromium on phones and on macOS; in no other browser yet, nor in TypeScript's own library. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

declare global {
  interface Window {
    BarcodeDetector?: new (options: { formats: string[] }) => Detector;
  }
}

/** Seconds between two looks at the picture. */
const LOOK_EVERY = 0.25;

export function canScan(): boolean {
  return window.BarcodeDetector !== undefined && navigator.mediaDevices !== undefined;
}

/**
 * Show the camera's picture in `video`, and tell each code that is seen in it. Returns a function that ends it. Throws a
 * DOMException where there is no camera, or the person does not allow it.
 */
export async function scan(video: HTMLVideoElement, found: (text: string) => void): Promise<() => void> {
  if (window.BarcodeDetector === undefined) throw new DOMException("There is no BarcodeDetector.", "NotSupportedError");
  const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  await video.play();
  const timer = setInterval(async () => {
    const codes = await detector.detect(video).catch(() => []); // no picture at this moment
    for (const { rawValue } of codes) found(rawValue);
  }, LOOK_EVERY * 1000);
  return () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
  };
}
