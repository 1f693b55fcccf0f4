// Helps dash.js out where it stands still and doesn't get out by itself.
//
// At a hole in the buffer: dash.js jumps over holes, but not while the element is seeking. A
// jump of its own goes to the nearest edge of what is buffered; where that has moved in the
// third of a second that it waits before it jumps, this may be the near edge of the hole. The
// element then seeks to where there is nothing, and stays there for good.
//
// In the midst of the buffer: where a segment was left for another rung's while it was being
// shown, Chromium decodes what it has of the first, and then waits for a keyframe, though the
// second is there. A seek lets it begin with that.

/** How often to look (ms). */
const LOOK = 100

/** For how long it must have stood still (ms): at a hole, longer than dash.js itself takes. */
const STILL_AT_HOLE = 1000
const STILL_IN_BUFFER = 500

/** Ends of ranges that differ by less (s) are the same, and so far a jump goes into what is buffered. */
const EDGE = 0.05

/** With less than that ahead (s) it may be waiting for more. */
const ENOUGH = 0.5

/** The widest hole (s) that is jumped over. */
const WIDEST = 4

/** What is used of a video element. */
export type Element = Pick<HTMLVideoElement, 'buffered' | 'currentTime' | 'paused' | 'seeking'>

/**
 * Where an element that stands still goes on; null: it is to wait.
 *
 * @param still for how long (ms) it has stood still
 * @param settled of that, for how long it hasn't been seeking
 */
export function beyond({ buffered, currentTime }: Pick<Element, 'buffered' | 'currentTime'>, still: number, settled: number): number | null {
  for (let n = 0; n < buffered.length; n++) {
    const start = buffered.start(n)
    if (currentTime < start) return still >= STILL_AT_HOLE && start - currentTime <= WIDEST ? start + EDGE : null
    const ahead = buffered.end(n) - currentTime
    if (ahead > EDGE) return settled >= STILL_IN_BUFFER && ahead >= ENOUGH ? currentTime + EDGE : null
  }
  return null
}

/** Watches an element; returns how to stop. */
export function leaveStandstills(video: Element): () => void {
  let since = performance.now()
  let sought = since // when it was seeking last
  let at = -1
  const timer = setInterval(() => {
    const now = performance.now()
    if (video.seeking) sought = now
    if (video.paused || video.currentTime !== at) {
      at = video.currentTime
      since = now
      return
    }
    const to = beyond(video, now - since, now - Math.max(since, sought))
    if (to !== null) video.currentTime = to
  }, LOOK)
  return () => clearInterval(timer)
}
