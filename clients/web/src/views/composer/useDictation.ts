import { useEffect, useRef, useState } from "react";

/** What we use of the browser's SpeechRecognition; TypeScript's library does not know it. */
interface Recognition extends EventTarget {
  continuous: boolean;
  interimResults: boolean;
  lang: string;
  onresult: ((event: { resultIndex: number; results: ArrayLike<Result> }) => void) | null;
  onend: (() => void) | null;
  onerror: ((event: { error: string }) => void) | null;
  start(): void;
  stop(): void;
}
type Result = ArrayLike<{ transcript: string }> & { isFinal: boolean };
type Maker = new () => Recognition;

/** What is spoken, as words for the text. `toggle` is null where the browser cannot hear. */
export function useDictation(take: (words: string) => void, failed: (why: string) => void) {
  const [isListening, setListening] = useState(false);
  const [heard, setHeard] = useState("");
  const running = useRef<Recognition | null>(null);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => () => running.current?.stop(), []);
  const maker = makerOf(window);

  function start(make: Maker) {
    const recognition = new make();
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.lang = navigator.language;
    recognition.onresult = (event) => {
      const results = Array.from(event.results).slice(event.resultIndex);
      const words = (isFinal: boolean) =>
        results
          .filter((one) => one.isFinal === isFinal)
          .map((one) => one[0]?.transcript ?? "")
          .join("");
      if (words(true)) latest.current(words(true).trim());
      setHeard(words(false));
    };
    recognition.onerror = ({ error }) => error !== "no-speech" && error !== "aborted" && failed(error);
    recognition.onend = () => {
      running.current = null;
      setListening(false);
      setHeard("");
    };
    running.current = recognition;
    recognition.start();
    setListening(true);
  }

  function toggle() {
    if (running.current) running.current.stop();
    else if (maker) start(maker);
  }

  return { isListening, heard, toggle: maker ? toggle : null };
}

function makerOf(page: Window & { SpeechRecognition?: Maker; webkitSpeechRecognition?: Maker }): Maker | undefined {
  return page.SpeechRecognition ?? page.webkitSpeechRecognition;
}
