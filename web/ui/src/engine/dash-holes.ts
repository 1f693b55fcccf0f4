// Helps dash.js out of a hole in the buffer that it doesn't get out of by itself.
//
// dash.js jumps over holes, but not while the element is seeking. A jump of its own goes to
// the nearest edge of what is buffered; where that has moved in the third of a second that
// it waits before it jumps, this may be the near edge of the hole. The element then seeks
// to where there is nothing, and stays there for good.

/** How often to look, and for how long it must have stood still (ms): longer than dash.js itself takes. */
const LOOK = 100
const STILL = 1000

/** Ends of ranges that differ by less (s) are the same, and so far into the next one the jump goes. */
const EDGE = 0.05

/** The widest hole (s) that is jumped over. */
const WIDEST = 4

/** What is used of a video element. */
export type Element = Pick<HTMLVideoElement, 'buffered' | 'currentTime' | 'paused'>

/** Where to go on from a position in a hole, or at its near edge; null: there is none. */
export function beyond({ buffered, currentTime }: Pick<Element, 'buffered' | 'currentTime'>): number | null {
  for (let n = 0; n < buffered.length; n++) {
    const start = buffered.start(n)
    if (currentTime < start) return start - currentTime <= WIDEST ? start + EDGE : null
    if (currentTime < buffered.end(n) - EDGE) return null
  }
  return null
}

/** Watches an element; returns how to stop. */
export function leaveHoles(video: Element): () => void {
  let since = 0
  let at = -1
  const timer = setInterval(() => {
    const now = performance.now()
    if (video.paused || video.currentTime !== at) {
      at = video.currentTime
      since = now
      return
    }
    const to = now - since >= STILL ? beyond(video) : null
    if (to !== null) video.currentTime = to
  }, LOOK)
  return () => clearInterval(timer)
}
