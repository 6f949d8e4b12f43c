/** Which words of a program are what: the languages that people write most, loaded when there is code to show. */

import { common, createLowlight } from "lowlight";

export const { highlight, registered } = createLowlight(common);
