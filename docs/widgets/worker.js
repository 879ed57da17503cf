// Computes off the page's own thread, so that what takes long never holds up a scrolling page.

import { perform } from "./tasks.js";

addEventListener("message", ({ data: { id, task, content } }) => {
  try {
    const answer = perform(task, content);
    postMessage({ id, answer }, answer?.weights ? [answer.weights.buffer] : []);
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});
